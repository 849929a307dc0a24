/**
 * A flame graph as one SVG file: nothing is fetched, nothing runs. Callers stand above what they call, as wide as the time, or the
 * memory, below them; the colour says whose code it is. What is narrower than a pixel is left out.
 */
import { type FlameMode, type FlameNode, flameTree } from '../sdk/flame-tree.ts';
import type { Profile } from '../sdk/profile.ts';
import { colour } from './flame-colours.ts';
import { amount, headline, subtitle } from './summary.ts';
import { escapeXml } from './xml.ts';

const WIDTH = 1200;
const MARGIN = 10;
const ROW = 17;
const TOP = 64;
const BOTTOM = 30;
const CHARACTER = 6.7;
const SMALLEST_PIXELS = 0.5;

export function flameSvg(profile: Profile): string {
  const inner = WIDTH - 2 * MARGIN;
  const tree = flameTree(profile, SMALLEST_PIXELS / inner);
  const total = tree.root.value;
  const scale = total > 0 ? inner / total : 0;
  const rows: string[] = [];
  let deepest = 0;
  const draw = (node: FlameNode, x: number, level: number): void => {
    deepest = Math.max(deepest, level);
    rows.push(
      cell(node, { x, y: TOP + level * ROW, width: node.value * scale }, share(profile, node, total)),
    );
    let at = x;
    for (const child of node.children) {
      draw(child, at, level + 1);
      at += child.value * scale;
    }
  };
  draw(tree.root, MARGIN, 0);
  const height = TOP + (deepest + 1) * ROW + BOTTOM;
  return `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="ui-monospace,Menlo,Consolas,monospace" font-size="11" role="img" aria-label="${escapeXml(`Flame graph: ${headline(profile)}`)}">
<style>rect{stroke:#fff;stroke-width:.6}text{fill:#1a1a1a;pointer-events:none}</style>
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
<text x="${WIDTH / 2}" y="24" text-anchor="middle" font-size="16">${escapeXml(headline(profile))}</text>
<text x="${WIDTH / 2}" y="44" text-anchor="middle" fill="#555">${escapeXml(subtitle(profile))}</text>
${rows.join('\n')}
${legend(height - 10)}
</svg>
`;
}

function share(profile: Profile, { value }: FlameNode, total: number): string {
  const percent = total > 0 ? ((value / total) * 100).toFixed(2) : '0';
  return `${amount(profile, value)}, ${percent} %`;
}

function cell(
  { name, mode }: FlameNode,
  { x, y, width }: { readonly x: number; readonly y: number; readonly width: number },
  told: string,
): string {
  const shown = fitting(name, width);
  const text = shown === '' ? '' : `<text x="${(x + 3).toFixed(1)}" y="${y + 12}">${escapeXml(shown)}</text>`;
  return `<g><title>${escapeXml(`${name} (${told})`)}</title><rect x="${x.toFixed(2)}" y="${y}" width="${width.toFixed(2)}" height="${ROW - 1}" fill="${colour(name, mode)}"/>${text}</g>`;
}

function fitting(name: string, width: number): string {
  const room = Math.floor((width - 6) / CHARACTER);
  if (room < 3) return '';
  return name.length <= room ? name : `${name.slice(0, room - 2)}..`;
}

const LEGEND = [
  ['process', 'process'],
  ['user', 'user'],
  ['kernel', 'kernel'],
  ['unknown', 'no name'],
] as const satisfies readonly (readonly [FlameMode, string])[];

function legend(y: number): string {
  return LEGEND.map(
    ([mode, text], index) =>
      `<rect x="${MARGIN + index * 90}" y="${y - 10}" width="12" height="12" fill="${colour('', mode)}"/><text x="${MARGIN + 17 + index * 90}" y="${y}">${text}</text>`,
  ).join('');
}
