"""Pictures and pages, read by parsers of their own fields: DOT by pydot, SVG by expat, HTML by html5lib as a browser reads it.

Takes a folder with one picture in four forms, the names of whose files say which; what stands in them is hostile.
"""

import pathlib
import re
import sys
import xml.etree.ElementTree

import html5lib
import pydot

FOLDER = pathlib.Path(sys.argv[1])
ELEMENTS = set(
    "html head meta title style body main h1 h2 p ul li pre span details summary div svg desc defs marker path rect g text tspan".split()
)


def local(name):
    return name.split("}")[-1]


def lines(graph):
    return len(graph.get_edges()) + sum(lines(part) for part in graph.get_subgraphs())


def nodes(graph):
    own = [node for node in graph.get_nodes() if re.fullmatch(r"n\d+", node.get_name()) and node.get("label")]
    return len(own) + sum(nodes(part) for part in graph.get_subgraphs())


def of_dot(path):
    graphs = pydot.graph_from_dot_data(path.read_text())
    assert graphs and len(graphs) == 1, f"{path}: no one graph"
    [graph] = graphs
    names = {node.get_name() for node in graph.get_nodes()} | {node.get_name() for part in graph.get_subgraphs() for node in part.get_nodes()}
    strange = {name for name in names if not re.fullmatch(r"n\d+|node|edge|graph|\"\\n\"", name)}
    assert not strange, f"{path}: {strange}"
    return nodes(graph), lines(graph)


def of_svg(path):
    root = xml.etree.ElementTree.parse(path).getroot()
    found = {local(element.tag) for element in root.iter()}
    assert found <= ELEMENTS, f"{path}: {found - ELEMENTS}"
    assert not any(name.lower().startswith("on") or local(name) == "href" for element in root.iter() for name in element.attrib), path
    by_class = lambda tag, begins: sum(1 for element in root.iter() if local(element.tag) == tag and element.get("class", "").startswith(begins))
    return by_class("g", "node "), by_class("g", "label ")


def of_html(path):
    parser = html5lib.HTMLParser(strict=False)
    root = parser.parse(path.read_text())
    # A self-closed `meta` is no error, and there is no other.
    assert not parser.errors, f"{path}: {parser.errors[:3]}"
    found = {local(element.tag) for element in root.iter() if isinstance(element.tag, str)}
    assert found <= ELEMENTS, f"{path}: {found - ELEMENTS}"
    for element in root.iter():
        for name, value in element.attrib.items():
            assert not local(name).lower().startswith("on") and local(name) not in ("href", "src", "style", "srcdoc", "action"), f"{path}: {name}"
    by_class = lambda tag, begins: sum(1 for element in root.iter() if local(str(element.tag)) == tag and element.get("class", "").startswith(begins))
    return by_class("g", "node "), by_class("g", "label ")


def of_mermaid(path):
    text = path.read_text()
    return len(re.findall(r"^ +n\d+[\[({>]", text, re.M)), len(re.findall(r"^ +n\d+ (?:-->|==>|-\.->)\|", text, re.M))


def main():
    stems = sorted({path.stem for path in FOLDER.iterdir() if path.suffix == ".dot"})
    assert stems, "nothing to look at"
    for stem in stems:
        found = {name: read(FOLDER / f"{stem}.{name}") for name, read in (("dot", of_dot), ("svg", of_svg), ("html", of_html), ("mmd", of_mermaid))}
        assert len(set(found.values())) == 1, f"{stem}: {found}"
        counts = found["dot"]
        assert counts[0] > 0, f"{stem}: {found}"
    print(f"{len(stems)} pictures, each the same in four forms")


main()
