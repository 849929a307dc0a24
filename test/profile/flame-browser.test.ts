/** Flame graphs in a real browser: what is to be seen, and what a mouse and a keyboard do. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { flameHtml } from '../../src/profile/flame-html.ts';
import { flameSvg } from '../../src/profile/flame-svg.ts';
import { Browser, skipWithoutBrowser } from '../support/browser.ts';
import { HOSTILE, profileOf, stackOf } from './profiles.ts';

const skip = skipWithoutBrowser();
const SIZE = { width: 1000, height: 600 };
const SHOP = profileOf([
  stackOf('shop;main;serve;parse', 50),
  stackOf('shop;main;serve;write;vfs_write_[k]', 30),
  stackOf(`shop;main;${HOSTILE}`, 20),
]);

interface Cell {
  readonly name: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly isFound: boolean;
}

const CELLS = `Array.from(document.querySelectorAll('#graph div'), (cell) => {
  const { x, y, width, height } = cell.getBoundingClientRect();
  return { name: cell.textContent, x, y, width, height, isFound: cell.classList.contains('found') };
})`;

async function opened(name: string, text: string): Promise<Browser> {
  const directory = mkdtempSync(join(tmpdir(), 'huatuo-flame-'));
  try {
    const file = join(directory, name);
    writeFileSync(file, text);
    const browser = await Browser.start(SIZE);
    await browser.open(file);
    return browser;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('the page of a flame graph: frames as wide as their shares; a pointer tells, a click zooms, Escape goes back, a search marks', {
  skip,
}, async () => {
  await using page = await opened('flame.html', flameHtml(SHOP));
  const cells = (): Promise<readonly Cell[]> => page.evaluate(CELLS);
  const text = (id: string): Promise<string> => page.evaluate(`document.getElementById('${id}').textContent`);
  const cell = async (name: string): Promise<Cell> =>
    (await cells()).find((one) => one.name === name) ?? assert.fail(`no cell ${name}`);
  const middle = ({ x, y, width, height }: Cell) => [x + width / 2, y + height / 2] as const;

  const names = ['all', 'shop', 'main', 'serve', 'parse', 'write', 'vfs_write', HOSTILE];
  assert.deepEqual((await cells()).map(({ name }) => name).toSorted(), names.toSorted());
  const [all, parse] = [await cell('all'), await cell('parse')];
  assert.ok(all.width > 900 && all.height >= 16, JSON.stringify(all));
  assert.ok(Math.abs(parse.width / all.width - 0.5) < 0.01, JSON.stringify(parse));
  assert.ok(parse.y > (await cell('serve')).y);

  await page.move(...middle(parse));
  assert.match(await text('told'), /^parse \(500 ms, 50\.0 %/);

  await page.click(...middle(await cell('write')));
  assert.deepEqual(
    (await cells()).filter(({ width }) => width > 900).map(({ name }) => name),
    ['all', 'shop', 'main', 'serve', 'write', 'vfs_write'],
  );
  await page.press('Escape');
  assert.equal((await cells()).length, names.length);

  const [x, y] = await page.evaluate<readonly [number, number]>(
    `(({ x, y }) => [x + 9, y + 9])(document.getElementById('search').getBoundingClientRect())`,
  );
  await page.click(x, y);
  await page.type('write');
  assert.equal(await text('found'), '30.0 % found');
  assert.deepEqual(
    (await cells()).filter(({ isFound }) => isFound).map(({ name }) => name),
    ['write', 'vfs_write'],
  );
  assert.equal(await page.evaluate(`document.querySelectorAll('img').length`), 0);
  assert.deepEqual(page.complaints, []);
});

test('the picture of a flame graph: frames as wide as their shares, and no name becomes an element', {
  skip,
}, async () => {
  await using page = await opened('flame.svg', flameSvg(SHOP));
  const frames = await page.evaluate<readonly { readonly title: string; readonly width: number }[]>(
    `Array.from(document.querySelectorAll('g'), (frame) => ({
       title: frame.querySelector('title').textContent,
       width: frame.querySelector('rect').getBoundingClientRect().width,
     }))`,
  );
  const widthOf = (name: string): number =>
    frames.find(({ title }) => title.startsWith(`${name} (`))?.width ?? assert.fail(`no frame ${name}`);
  assert.equal(frames.length, 8);
  assert.ok(Math.abs(widthOf('parse') / widthOf('all') - 0.5) < 0.01);
  assert.equal(await page.evaluate(`document.querySelectorAll('img, script, parsererror').length`), 0);
  assert.deepEqual(page.complaints, []);
});
