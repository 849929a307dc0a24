/**
 * A flame graph as one HTML file: a click zooms, a search marks. It fetches nothing, and its policy says so: the one script and the
 * one style sheet that may take effect are known by their hashes, so no name in the data can become code.
 */
import { createHash } from 'node:crypto';
import { type FlameMode, type FlameNode, type FlameTree, flameTree } from '../sdk/flame-tree.ts';
import type { Profile } from '../sdk/profile.ts';
import { colour } from './flame-colours.ts';
import { FLAME_SCRIPT, FLAME_STYLE } from './flame-page.ts';
import { amount, headline, percent, subtitle } from './summary.ts';
import { escapeXml } from './xml.ts';

const SMALLEST_SHARE = 0.0001;
/** A browser lays them out at once. */
const MAX_NODES = 20_000;

export function flameHtml(profile: Profile): string {
  const tree = boundedTree(profile);
  const title = escapeXml(headline(profile));
  const policy = `default-src 'none'; style-src '${digest(FLAME_STYLE)}'; script-src '${digest(FLAME_SCRIPT)}'`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${FLAME_STYLE}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<p>${escapeXml(subtitle(profile))}${escapeXml(prunedText(tree))}</p>
<p><input id="search" type="search" placeholder="Search: text, or /regular expression/" size="40"> <span id="found"></span> <button id="reset" type="button">Reset zoom</button></p>
</header>
<main id="graph"></main>
<footer id="told">${escapeXml(LEGEND)}</footer>
<script type="application/json" id="data">${dataOf(profile, tree)}</script>
<script>${FLAME_SCRIPT}</script>
</body>
</html>
`;
}

const LEGEND =
  'Click a function to zoom. Orange: user, blue: kernel, violet: how it waits, grey: processes and what has no name.';

function boundedTree(profile: Profile): FlameTree {
  for (let smallest = SMALLEST_SHARE; ; smallest *= 2) {
    const tree = flameTree(profile, smallest);
    if (tree.nodes <= MAX_NODES || smallest > 1) return tree;
  }
}

function prunedText({ pruned, pruned_nodes, root }: FlameTree): string {
  if (pruned_nodes === 0) return '';
  return `; ${pruned_nodes} functions with too little are left out (${percent(pruned, root.value)})`;
}

/** Name, what is told of it, value, colour, children. */
type Packed = readonly [string, string, number, string, readonly Packed[]];

/** JSON in which no tag can begin. */
function dataOf(profile: Profile, { root }: FlameTree): string {
  const pack = ({ name, mode, value, self, children }: FlameNode): Packed => [
    name,
    `${amount(profile, value)}, ${percent(value, root.value)}; in itself ${amount(profile, self)}${MODES[mode]}`,
    value,
    colour(name, mode),
    children.map(pack),
  ];
  return JSON.stringify(pack(root)).replaceAll('<', '\\u003c');
}

const MODES: Readonly<Record<FlameMode, string>> = {
  all: '',
  process: '; process',
  user: '',
  kernel: '; kernel',
  unknown: '',
  wait: '',
};

function digest(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
