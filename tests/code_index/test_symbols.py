"""What each language's files define, as the index sees it."""

import pytest

from cogmill.code_index.languages import GRAMMARS, language_of
from cogmill.code_index.symbols import symbols_of

CASES = {
    "python": (
        "LIMIT = 3\n\n@wrapped\nclass Box(Base):\n    size: int = 1\n    def open(self):\n"
        "        def inner(): ...\n        return inner\n\nasync def go(): ...\n",
        [
            ("LIMIT", "variable", 1, 1, ""),
            ("Box", "class", 4, 8, ""),
            ("size", "field", 5, 5, "Box"),
            ("open", "method", 6, 8, "Box"),
            ("inner", "function", 7, 7, "Box.open"),
            ("go", "function", 10, 10, ""),
        ],
    ),
    "javascript": (
        "export class A {\n  run() {}\n  static go = () => 1;\n}\n"
        "export function f() {}\nconst g = () => 2;\nlet n = 1;\n",
        [
            ("A", "class", 1, 4, ""),
            ("run", "method", 2, 2, "A"),
            ("go", "method", 3, 3, "A"),
            ("f", "function", 5, 5, ""),
            ("g", "function", 6, 6, ""),
            ("n", "variable", 7, 7, ""),
        ],
    ),
    "typescript": (
        "namespace N {\n  export interface I { m(): void }\n}\ntype T = string;\nenum E { A }\n"
        "abstract class C { abstract x(): void; y = () => 1 }\nexport const k = 1;\n",
        [
            ("N", "module", 1, 3, ""),
            ("I", "interface", 2, 2, "N"),
            ("m", "method", 2, 2, "N.I"),
            ("T", "type", 4, 4, ""),
            ("E", "enum", 5, 5, ""),
            ("C", "class", 6, 6, ""),
            ("x", "method", 6, 6, "C"),
            ("y", "method", 6, 6, "C"),
            ("k", "variable", 7, 7, ""),
        ],
    ),
    "tsx": ("const View = () => <p>hi</p>;\n", [("View", "function", 1, 1, "")]),
    "go": (
        "package p\n\ntype S struct{ a int }\ntype I interface{ M() }\n"
        "type T int\nconst C = 1\nvar v = 2\n"
        "func F() {}\nfunc (s *S) Do() {}\n",
        [
            ("S", "struct", 3, 3, ""),
            ("I", "interface", 4, 4, ""),
            ("M", "method", 4, 4, "I"),
            ("T", "type", 5, 5, ""),
            ("C", "constant", 6, 6, ""),
            ("v", "variable", 7, 7, ""),
            ("F", "function", 8, 8, ""),
            ("Do", "method", 9, 9, "S"),
        ],
    ),
    "java": (
        "package p;\nclass A {\n  int n;\n  A() {}\n  void m() {}\n"
        "  enum E { X }\n}\ninterface I {}\nrecord R(int a) {}\n",
        [
            ("A", "class", 2, 7, ""),
            ("n", "field", 3, 3, "A"),
            ("A", "method", 4, 4, "A"),
            ("m", "method", 5, 5, "A"),
            ("E", "enum", 6, 6, "A"),
            ("X", "constant", 6, 6, "A.E"),
            ("I", "interface", 8, 8, ""),
            ("R", "class", 9, 9, ""),
        ],
    ),
    "rust": (
        "mod m {\n    pub struct S<T> { a: T }\n    impl<T> S<T> {\n"
        "        fn new() {}\n    }\n}\ntrait Tr { fn t(&self); }\n"
        "enum E { A }\nconst C: u8 = 1;\nmacro_rules! mac { () => {} }\nfn free() {}\n",
        [
            ("m", "module", 1, 6, ""),
            ("S", "struct", 2, 2, "m"),
            ("new", "method", 4, 4, "m.S"),
            ("Tr", "trait", 7, 7, ""),
            ("t", "method", 7, 7, "Tr"),
            ("E", "enum", 8, 8, ""),
            ("C", "constant", 9, 9, ""),
            ("mac", "macro", 10, 10, ""),
            ("free", "function", 11, 11, ""),
        ],
    ),
    "c": (
        "#define MAX 3\nstruct s { int a; };\ntypedef struct s t;\n"
        "enum e { ONE };\nint f(void) { return 1; }\nchar *g(void) { return 0; }\n",
        [
            ("MAX", "macro", 1, 2, ""),
            ("s", "struct", 2, 2, ""),
            ("t", "type", 3, 3, ""),
            ("e", "enum", 4, 4, ""),
            ("ONE", "constant", 4, 4, "e"),
            ("f", "function", 5, 5, ""),
            ("g", "function", 6, 6, ""),
        ],
    ),
    "cpp": (
        "namespace n {\nclass A {\n  void in() {}\n  int declared();\n};\n"
        "template <class T> T f(T x) { return x; }\n}\n"
        "int n::A::declared() { return 1; }\nusing B = int;\n",
        [
            ("n", "module", 1, 7, ""),
            ("A", "class", 2, 5, "n"),
            ("in", "method", 3, 3, "n.A"),
            ("declared", "method", 4, 4, "n.A"),
            ("f", "function", 6, 6, "n"),
            ("declared", "method", 8, 8, "A"),
            ("B", "type", 9, 9, ""),
        ],
    ),
    "csharp": (
        "namespace N {\n  class A {\n    int f;\n"
        "    public int P { get; set; }\n    A() {}\n    void M() {}\n  }\n"
        "  interface I {}\n  struct S {}\n  enum E { X }\n}\n",
        [
            ("N", "module", 1, 11, ""),
            ("A", "class", 2, 7, "N"),
            ("f", "field", 3, 3, "N.A"),
            ("P", "field", 4, 4, "N.A"),
            ("A", "method", 5, 5, "N.A"),
            ("M", "method", 6, 6, "N.A"),
            ("I", "interface", 8, 8, "N"),
            ("S", "struct", 9, 9, "N"),
            ("E", "enum", 10, 10, "N"),
            ("X", "constant", 10, 10, "N.E"),
        ],
    ),
    "ruby": (
        "module M\n  class A < B\n    LIMIT = 1\n    def go?; end\n    def self.make; end\n  end\nend\n",
        [
            ("M", "module", 1, 7, ""),
            ("A", "class", 2, 6, "M"),
            ("LIMIT", "constant", 3, 3, "M.A"),
            ("go?", "method", 4, 4, "M.A"),
            ("make", "method", 5, 5, "M.A"),
        ],
    ),
    "php": (
        "<?php\nnamespace N;\nclass A {\n  const X = 1;\n  private $p;\n"
        "  function m() {}\n}\ninterface I {}\ntrait T {}\nfunction f() {}\n",
        [
            ("A", "class", 3, 7, ""),
            ("X", "constant", 4, 4, "A"),
            ("p", "field", 5, 5, "A"),
            ("m", "method", 6, 6, "A"),
            ("I", "interface", 8, 8, ""),
            ("T", "trait", 9, 9, ""),
            ("f", "function", 10, 10, ""),
        ],
    ),
    "bash": (
        "greet() {\n  echo hi\n}\nfunction part { :; }\n",
        [("greet", "function", 1, 3, ""), ("part", "function", 4, 4, "")],
    ),
}


def test_every_language_has_a_case():
    assert set(CASES) == set(GRAMMARS)


@pytest.mark.parametrize("language", CASES)
def test_definitions(language):
    source, expected = CASES[language]
    found = [
        (one.name, one.kind, one.line, one.end_line, one.container) for one in symbols_of(language, source.encode())
    ]
    missing = [one for one in expected if one not in found]
    assert missing == [], found


@pytest.mark.parametrize("language", CASES)
def test_broken_files_give_what_can_be_made_out(language):
    source = CASES[language][0].encode()
    for end in range(0, len(source), 7):
        symbols_of(language, source[:end] + b"\xff{{{(((")


def test_languages_by_name():
    known = {"a/b.py": "python", "x.H": "c", "x.tsx": "tsx", "Rakefile": "ruby", "notes.md": "markdown", "LICENSE": ""}
    assert {name: language_of(name) for name in known} == known
