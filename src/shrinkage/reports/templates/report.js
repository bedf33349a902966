(function () {
  "use strict";
  var data = JSON.parse(document.getElementById("path-data").textContent);
  var box = document.querySelector(".explorer");
  if (!box || data.rows.length < 2) { return; }
  var slider = box.querySelector("input");
  var list = box.querySelector("dl");
  var svg = document.querySelector("#figure-score svg");
  var cells = data.labels.map(function (label) {
    var item = document.createElement("div");
    var name = document.createElement("dt");
    var value = document.createElement("dd");
    name.textContent = label;
    item.append(name, value);
    list.append(item);
    return value;
  });
  var cursor = document.createElementNS(svg.namespaceURI, "line");
  cursor.setAttribute("class", "cursor");
  cursor.setAttribute("y1", data.top);
  cursor.setAttribute("y2", data.bottom);
  svg.append(cursor);
  function show() {
    var place = Number(slider.value);
    data.rows[place].forEach(function (text, i) { cells[i].textContent = text || "–"; });
    slider.setAttribute("aria-valuetext", "strength " + data.rows[place][0]);
    cursor.setAttribute("x1", data.x[place]);
    cursor.setAttribute("x2", data.x[place]);
  }
  slider.addEventListener("input", show);
  box.hidden = false;
  show();
}());
