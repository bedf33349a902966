(function () {
  "use strict";
  var data = JSON.parse(document.getElementById("slides-data").textContent);
  var box = document.querySelector(".explorer");
  var slider = document.getElementById("place");
  var label = box.querySelector("label[for=place]");
  var figures = document.querySelectorAll("figure[data-row]");
  var row = 0;
  function show() {
    var text = data[row].setting + " " + data[row].values[Number(slider.value)];
    label.textContent = text;
    slider.setAttribute("aria-valuetext", text);
    figures.forEach(function (figure) {
      figure.hidden = figure.dataset.row !== String(row) || figure.dataset.place !== slider.value;
    });
  }
  function choose(number) {
    row = number;
    slider.max = data[row].values.length - 1;
    slider.value = data[row].start;
    show();
  }
  box.querySelectorAll("input[type=radio]").forEach(function (radio) {
    radio.addEventListener("change", function () { choose(Number(radio.value)); });
  });
  slider.addEventListener("input", show);
  box.hidden = false;
  choose(0);
}());
