/**
 * What the HTML of a flame graph does and looks like. It runs in a browser, over the JSON in its page: nodes are
 * [name, told, value, colour, children], and every name becomes text of an element, never markup.
 */

export const FLAME_STYLE = `
body{margin:12px;font:13px system-ui,sans-serif;background:#fff;color:#1a1a1a}
h1{font-size:18px;margin:0 0 4px}
p{margin:4px 0;color:#555}
#graph{position:relative;font:11px ui-monospace,Menlo,Consolas,monospace}
#graph div{position:absolute;height:16px;line-height:16px;overflow:hidden;white-space:nowrap;box-sizing:border-box;border-right:1px solid #fff;padding-left:3px;cursor:pointer;color:#1a1a1a}
#graph div.above{opacity:.55}
#graph div.found{outline:2px solid #c2185b;outline-offset:-2px;font-weight:bold}
#told{position:sticky;bottom:0;background:#fffe;padding:6px 0;min-height:16px}
@media(prefers-color-scheme:dark){body{background:#1b1b1d;color:#eee}p{color:#aaa}#graph div{border-right-color:#1b1b1d}#told{background:#1b1b1dee}}
`;

export const FLAME_SCRIPT = `
'use strict';
const ROW = 17, SMALLEST = 1.2;
const graph = document.getElementById('graph'), told = document.getElementById('told');
const search = document.getElementById('search'), found = document.getElementById('found');
const legend = told.textContent;
const link = ([name, text, value, colour, children], parent) => {
  const node = { name, text, value, colour, parent, children: [] };
  node.children = children.map((child) => link(child, node));
  return node;
};
const root = link(JSON.parse(document.getElementById('data').textContent), null);
let zoomed = root, matches = null;

function parse(text) {
  if (text === '') return null;
  const expression = /^\\/(.+)\\/$/.exec(text);
  if (!expression) return (name) => name.toLowerCase().includes(text.toLowerCase());
  try {
    const pattern = new RegExp(expression[1], 'i');
    return (name) => pattern.test(name);
  } catch {
    return () => false;
  }
}

/* What is found inside what is found counts once. */
function foundIn(node) {
  if (matches(node.name)) return node.value;
  return node.children.reduce((sum, child) => sum + foundIn(child), 0);
}

function draw() {
  const width = graph.clientWidth, cells = [];
  let deepest = 0;
  const cell = (node, x, level, share, above) => {
    deepest = Math.max(deepest, level);
    const box = document.createElement('div');
    box.textContent = node.name;
    box.title = node.name + ' (' + node.text + ')';
    box.style.left = x + 'px';
    box.style.top = level * ROW + 'px';
    box.style.width = share + 'px';
    box.style.background = node.colour;
    if (above) box.classList.add('above');
    if (matches && matches(node.name)) box.classList.add('found');
    box.addEventListener('click', () => { zoomed = node; draw(); });
    box.addEventListener('mouseenter', () => { told.textContent = box.title; });
    box.addEventListener('mouseleave', () => { told.textContent = legend; });
    cells.push(box);
  };
  const path = [];
  for (let node = zoomed.parent; node; node = node.parent) path.unshift(node);
  path.forEach((node, level) => cell(node, 0, level, width, true));
  const scale = zoomed.value > 0 ? width / zoomed.value : 0;
  const below = (node, x, level) => {
    cell(node, x, level, node.value * scale, false);
    let at = x;
    for (const child of node.children) {
      if (child.value * scale >= SMALLEST) below(child, at, level + 1);
      at += child.value * scale;
    }
  };
  below(zoomed, 0, path.length);
  graph.replaceChildren(...cells);
  graph.style.height = (deepest + 1) * ROW + 'px';
  found.textContent = matches && root.value > 0 ? (100 * foundIn(root) / root.value).toFixed(1) + ' % found' : '';
}

search.addEventListener('input', () => { matches = parse(search.value); draw(); });
document.getElementById('reset').addEventListener('click', () => { zoomed = root; draw(); });
document.addEventListener('keydown', (event) => { if (event.key === 'Escape') { zoomed = root; draw(); } });
window.addEventListener('resize', draw);
draw();
`;
