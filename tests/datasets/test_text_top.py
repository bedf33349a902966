"""Files of text as people have them: separators, headers, titles, comments, a saved index."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from shrinkage.datasets import ReadOptions, load_dataset, read_rows
from shrinkage.datasets.load import rows_and_notes

HEAD = ("age", "city", "y")
ROWS = (("31", "Bern", "1.5"), ("44", "Basel", "2.5"), ("28", "Bern", "3.5"))
IRIS = "5.1,3.5,Iris-setosa\n4.9,3.0,Iris-setosa\n7.0,3.2,Iris-virginica\n6.3,2.9,Iris-virginica\n"
ADULT = "39, State-gov, <=50K\n50, Private, <=50K\n38, Private, >50K\n53, State-gov, >50K\n"


NAMELESS = ReadOptions(header=False)


def table(separator: str = ",", end: str = "\n") -> str:
    return end.join(separator.join(row) for row in (HEAD, *ROWS)) + end


def commas(*rows: str) -> str:
    return "\n".join(rows) + "\n"


SAME_TABLE = {
    "commas": table(),
    "semicolons": table(";"),
    "tabs": table("\t"),
    "pipes": table("|"),
    "blanks": table(" "),
    "runs of blanks": "  age   city \t y\n 31  Bern   1.5\n\n 44  Basel 2.5\n 28  Bern   3.5  \n",
    "quoted among blanks": '"age" "city" "y"\n31 "Bern" 1.5\n44 "Basel" 2.5\n28 "Bern" 3.5\n',
    "blanks after commas": table(", "),
    "quotes after blanks": commas(
        "age, city, y", '31, "Bern", 1.5', '44, "Basel", 2.5', "28,Bern,3.5"
    ),
    "Markdown": "| age | city | y |\n|----:|:----:|---|\n"
    + "".join(f"| {' | '.join(row)} |\n" for row in ROWS),
    "psql": " age | city | y\n-----+------+---\n"
    + "".join(f" {' | '.join(row)}\n" for row in ROWS)
    + "(3 rows)\n",
    "mysql": "+----+\n| age | city | y |\n+----+\n"
    + "".join(f"| {' | '.join(row)} |\n" for row in ROWS)
    + "+----+\n",
    "single quotes": commas("'age','city','y'", "31,'Bern',1.5", "44,'Basel',2.5", "28,'Bern',3.5"),
    "Excel's mark": "sep=;\r\n" + table(";", "\r\n"),
    "Excel's mark of a tab": '"sep=\\t"\n' + table("\t"),
    "old Macintosh": table(end="\r"),
    "comments above": "# made by hand, on day 3\n#\n" + table(),
    "comments of MATLAB": "% made by hand\n" + table("\t"),
    "comments between": "# one, two\n" + table().replace("\n44", "\n# note\n44"),
    "a comment below": table() + "# 3 rows, 2 of Bern\n",
    "a commented header": "# " + table(),
    "a title": "Report of people, 2020\n\n" + table(";"),
    "a title of Excel": "Report,,\n,,\n" + table() + ",,\n,,\n",
    "a title of one word": "Report\n" + table(),
    "units below the header": table().replace("city,y\n", "city,y\nyears,,CHF\n"),
    "blank lines": "\n\n" + table().replace("\n", "\n\n"),
    "a saved index": commas(",age,city,y", "0,31,Bern,1.5", "1,44,Basel,2.5", "2,28,Bern,3.5"),
    "a shuffled index": commas(",age,city,y", "7,31,Bern,1.5", "1,44,Basel,2.5", "9,28,Bern,3.5"),
    "an index saved twice": commas(
        "Unnamed: 0,age,city,y", "0,31,Bern,1.5", "1,44,Basel,2.5", "2,28,Bern,3.5"
    ),
    "an index saved three times": commas(
        ",Unnamed: 0.1,Unnamed: 0,age,city,y",
        "0,0,5,31,Bern,1.5",
        "1,1,6,44,Basel,2.5",
        "2,2,9,28,Bern,3.5",
    ),
    "write.table of R": '"age" "city" "y"\n"1" 31 "Bern" 1.5\n"2" 44 Basel 2.5\n"3" 28 Bern 3.5\n',
    "write.csv of R": commas(
        '"","age","city","y"',
        '"Ann B",31,"Bern",1.5',
        '"Bob",44,"Basel",2.5',
        '"Zoe",28,"Bern",3.5',
    ),
    "trailing separators": table().replace("\n", ",\n"),
    "trailing separators in rows": table().replace("5\n", "5,\n"),
    "a trailing separator in a row": table().replace("2.5\n", "2.5,\n"),
    "the end of DOS": table().replace("\n", "\r\n") + "\x1a",
    "zero bytes": table().replace("Basel", "Ba\0sel"),
}


@pytest.mark.parametrize("case", SAME_TABLE)
def test_the_same_table_however_it_is_written(write_csv, case):
    path = write_csv(SAME_TABLE[case], "t.txt")
    data = load_dataset(path, target="y")
    assert data.input_names == ("age", "city")
    assert data.X["age"].tolist() == [31.0, 44.0, 28.0]
    assert [str(cell).strip() for cell in data.X["city"]] == ["Bern", "Basel", "Bern"]
    assert data.y.tolist() == [1.5, 2.5, 3.5]
    assert data.notes
    assert read_rows(path).columns.tolist() == ["age", "city", "y"]


def test_decimal_commas_do_not_separate(write_csv):
    rows = ("1,5;2,5;1", "2,5;3,5;2", "1,0;2,0;1")
    for head in (("a;b;y",), ("Report, of 2020", "a;b;y")):
        data = load_dataset(write_csv(commas(*head, *rows)), target="y")
        assert data.input_names == ("a", "b")
    nameless = ReadOptions(header=False)
    data = load_dataset(write_csv(commas(*rows)), target="column_3", read_options=nameless)
    assert data.n_features == 2
    blanks = write_csv(commas("a b y", "1,5 2,5 1", "2,5 3,5 2"))
    assert load_dataset(blanks, target="y").input_names == ("a", "b")


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (commas("t,y", "'t Gooi,1", "Bern,2", "'s-Hage,3"), "'t Gooi"),
        (commas("t,y", "#ff0000,1", "#00ff00,2"), "#ff0000"),
        (commas("t,y", '"say \\"hi, you\\"",1', '"b",2', '"c",3'), 'say "hi, you"'),
        (commas("t,y", '"say \\"hi\\" twice",1', '"b",2', '"c",3'), 'say "hi" twice'),
        (commas("t,y", '"C:\\",1', '"D:\\",2'), "C:\\"),
        (commas("#,t,y", "1,a,1", "2,b,2", "3,c,3"), "a"),
    ],
)
def test_marks_that_are_text(write_csv, text, first):
    assert load_dataset(write_csv(text), target="y").X["t"].tolist()[0] == first


SPLICE = "EI,  DONOR-521,  CCAG\nEI,  DONOR-905,  AGAC\nIE,  DONOR-7,  GACT\n"


@pytest.mark.parametrize("text", [IRIS, ADULT, SPLICE, commas("p,x,y", "e,x,n", "p,b,n", "e,x,y")])
def test_no_header(write_csv, refused, text):
    path = write_csv(text, "t.data")
    rows = text.count("\n")
    with refused("'t.data'", "--no-header", "3 columns"):
        load_dataset(path, target="y")
    data = load_dataset(path, target="column_3", read_options=ReadOptions(header=False))
    assert (data.n_samples, data.input_names) == (rows, ("column_1", "column_2"))
    named = load_dataset(path, target="y", read_options=ReadOptions(names=("a", "b", "y")))
    assert (named.n_samples, named.input_names) == (rows, ("a", "b"))
    with refused("expected 2 columns", "got 3"):
        load_dataset(path, target="y", read_options=ReadOptions(names=("a", "y")))


@pytest.mark.parametrize(
    ("text", "target", "inputs"),
    [
        (commas("0,1,2", "1.5,2.5,a", "2.5,3.5,b"), "2", ("0", "1")),
        (commas(",0,1,2", "0,1.5,2.5,a", "1,2.5,3.5,b"), "2", ("0", "1")),
        (commas("who,2019,2020,2021", "CH,1,2,3", "DE,2,3,5"), "2021", ("who", "2019", "2020")),
        (commas("0,1", "red,a", "blue,b"), "1", ("0",)),
        (commas("400.5,402.5,y", "1.5,2.5,a", "2.5,3.5,b"), "y", ("400.5", "402.5")),
    ],
)
def test_a_header_of_numbers(write_csv, refused, text, target, inputs):
    path = write_csv(text)
    if target == "y":  # as well a first row of data
        with refused("--header", "--no-header"):
            load_dataset(path, target=target)
    options = ReadOptions(header=True) if target == "y" else ReadOptions()
    assert load_dataset(path, target=target, read_options=options).input_names == inputs


def test_names_that_are_missing_or_equal(write_csv, refused):
    data = load_dataset(write_csv(commas("a,,unnamed_2,y", "1,2,3,1", "2,3,5,2")), target="y")
    assert data.input_names == ("a", "unnamed_2_", "unnamed_2")
    assert "unnamed_2_" in data.notes[0]
    measured = write_csv(commas(",a,y", "0.5,1,1", "1.5,2,2"))
    assert load_dataset(measured, target="y").input_names == ("unnamed_1", "a")
    with refused("'a' 2 times", "'b'", "--names"):
        load_dataset(write_csv(commas("a,b,a,b,y", "1,2,3,4,5")), target="y")


def test_options_overrule_and_names_replace(write_csv, refused):
    path = write_csv(commas("a:b:y", "1:2:3", "2:3:4"))
    assert (
        load_dataset(path, target="y", read_options=ReadOptions(separator="colon")).n_features == 2
    )
    renamed = load_dataset(
        write_csv(table()), target="z", read_options=ReadOptions(names=("a", "b", "z"))
    )
    assert (renamed.input_names, renamed.n_samples) == (("a", "b"), 3)
    with refused("separator", "'::'"):
        ReadOptions(separator="::")
    with refused("encoding", "'utf-99'"):
        ReadOptions(encoding="utf-99")


def test_fixed_width_is_refused(write_csv, refused):
    text = "id city  val\n 1 Bern  1.5\n22       2.5\n 3 Chur  3.5\n"
    with refused("data row 2 (line 3)", "fixed width", "read_fwf"):
        load_dataset(write_csv(text, "t.txt"), target="val")


def test_another_file_is_read_alike(write_csv):
    trained = load_dataset(
        write_csv(table(";").split("\n", 1)[1], "t.data"),
        target="y",
        read_options=ReadOptions(separator=";", names=HEAD),
    )
    record = ReadOptions.from_dict(trained.read_options.to_dict()).inherit("y")
    rows = "31;Bern\n44;Basel\n"
    for text in (rows, "31;Bern;1\n44;Basel;2\n", "age;city\n" + rows, "number;town\n" + rows):
        new = read_rows(write_csv(text, "new.data"), read_options=record)
        assert new.columns.tolist()[:2] == ["age", "city"]
        assert new["city"].tolist() == ["Bern", "Basel"]


def test_titles_over_several_columns_give_way_to_the_names_below(write_csv):
    rows = "1.5,2.5,Bern,1\n2.5,3.5,Basel,0\n3.5,1.5,Bern,1\n"
    data = load_dataset(write_csv("speed,,place,goal\nx,z,city,y\n" + rows), target="y")
    assert data.input_names == ("x", "z", "city")
    assert "two rows of names: those of the second are taken (x, z, city, y)" in data.notes
    units = load_dataset(write_csv("x,z,city,y\nm/s,s,-,1\n" + rows), target="y")
    assert units.input_names == ("x", "z", "city")
    assert all("two rows" not in note for note in units.notes)


def test_a_header_that_gives_way_is_told_and_may_be_kept(write_csv):
    record = ReadOptions(header=False, names=("column_1", "column_2")).inherit()
    path = write_csv("city,age\nBern,31\nBasel,44\n", "new.csv")
    by_place = rows_and_notes(path, record)
    assert by_place.values.columns.tolist() == ["column_1", "column_2"]
    assert any("the header (city, age) is not taken" in note for note in by_place.notes)
    by_header = rows_and_notes(path, record.overruled_by(ReadOptions(header=True)))
    assert by_header.values.columns.tolist() == ["city", "age"]
    named = ReadOptions(names=("age", "city")).inherit()
    assert rows_and_notes(path, named).notes == ()


def test_inherited_options_that_do_not_fit_are_passed_over(tmp_path, refused):
    path = tmp_path / "new.csv"
    options = ReadOptions(separator=";", encoding="cp1252", sheet="data")
    for separator, encoding in ((",", "utf-8"), (";", "cp1252"), ("\t", "utf-16")):
        text = separator.join(("age", "stadt")) + "\n" + separator.join(("31", "Zürich")) + "\n"
        path.write_bytes(text.encode(encoding))
        assert read_rows(path, read_options=options.inherit())["stadt"].tolist() == ["Zürich"]
    with refused("no sheet"):
        read_rows(path, read_options=options)


def test_blanks_and_one_tab(write_csv):
    rows = ('18.0   8   307.0   70  1\t"chevrolet malibu"', '15.0   8   ?       70  1\t"buick"')
    read = read_rows(write_csv(commas(*rows), "auto-mpg.data"), read_options=NAMELESS)
    assert read.to_numpy().tolist()[0] == ["18.0", "8", "307.0", "70", "1", "chevrolet malibu"]
    names = write_csv(commas("who\ty", "Ann Bee\t1", "Bob Cee\t2"), "t.txt")
    assert read_rows(names)["who"].tolist() == ["Ann Bee", "Bob Cee"]


def test_a_row_of_words_is_no_row_of_units_when_it_may_be_data(write_csv):
    for second in ("?,a,3", "x,a,3", "x,b,w", "4,z,w"):
        rows = ("size,kind,y", second, "1,a,1", "2,b,2", "3,a,3")
        assert len(read_rows(write_csv(commas(*rows)))) == 4


def test_one_column_of_words(write_csv):
    towns = ["New York", "Bern", "Los Angeles", "Old Town", "San Juan"]
    assert read_rows(write_csv(commas("town", *towns)))["town"].tolist() == towns


def test_rows_to_predict_say_what_was_decided(write_csv):
    assert rows_and_notes(write_csv(table())).notes == ()
    assert len(rows_and_notes(write_csv(table(";"))).notes) == 1


WORDS = (
    "Bern",
    "New York",
    "a;b",
    "x|y",
    "it's",
    '5" pipe',
    "1,5",
    "a\nb",
    "tab\there",
    "",
    "0012",
)


@pytest.mark.parametrize("seed", range(40))
def test_what_pandas_writes_is_read_back(tmp_path, seed):
    random = np.random.default_rng(seed)
    rows = int(random.integers(4, 30))
    columns = {
        "number": [f"{value:.3f}" for value in random.normal(size=rows)],
        "count": [str(value) for value in random.integers(0, 50, rows)],
        "a word": random.choice(WORDS, rows),
        "decimal": [f"{value:.2f}".replace(".", ",") for value in random.normal(size=rows)],
    }
    names = random.permutation(list(columns))[: random.integers(1, 5)]
    frame = pd.DataFrame({name: columns[name] for name in names}).assign(y=columns["number"])
    frame.to_csv(
        tmp_path / "t.csv",
        sep=str(random.choice([",", ";", "\t", "|"])),
        quotechar=str(random.choice(['"', "'"])),
        quoting=int(random.integers(0, 3)),
        lineterminator=str(random.choice(["\n", "\r\n"])),
        index=bool(random.integers(0, 2)),
        encoding=str(random.choice(["utf-8", "utf-8-sig", "utf-16"])),
    )
    read = read_rows(tmp_path / "t.csv")
    assert read.columns.tolist() == frame.columns.tolist()
    assert read.to_numpy().tolist() == frame.to_numpy().tolist()


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " ", ", "])
def test_titles_in_the_words_of_any_separator(write_csv, refused, separator):
    rows = [separator.join(row) for row in (("1.053", "Chur", "0.4"), ("1.203", "Zug", "0.3"))]
    head = separator.join(("size", "town", "y"))
    titled = write_csv(commas("Report of things", "", head, *rows), "t.txt")
    assert read_rows(titled).columns.tolist() == ["size", "town", "y"]
    with refused("--no-header"):
        read_rows(write_csv(commas(*rows), "t.txt"))
    nameless = read_rows(write_csv(commas(*rows), "t.txt"), read_options=ReadOptions(header=False))
    assert nameless.shape == (2, 3)


def test_the_indices_of_tables_one_below_the_other(write_csv):
    def inputs(*numbers: int) -> tuple[str, ...]:
        rows = (f"{number},{place},{place}" for place, number in enumerate(numbers))
        return load_dataset(write_csv(commas(",x,y", *rows)), target="y").input_names

    assert inputs(0, 1, 2, 0, 1) == ("x",)
    assert inputs(1, 2, 3, 1, 2, 3) == ("x",)
    assert inputs(0, 1, 0, 1, 1) == inputs(0, 5, 0, 5, 1) == ("unnamed_1", "x")


def test_a_name_that_is_missing_is_no_index(write_csv, refused):
    with refused("name for every column", "'a', 'b'", "3 cells"):
        read_rows(write_csv(commas("a,b", "0.5,1,2", "0.7,3,4", "0.5,2,2")))
