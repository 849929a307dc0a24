/** The page of a flame graph: its script runs here over elements that are just good enough for it. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { createContext, runInContext } from 'node:vm';
import { flameHtml } from '../../src/profile/flame-html.ts';
import type { Profile } from '../../src/sdk/profile.ts';
import { HOSTILE, profileOf, stackOf } from './profiles.ts';

type Listener = (event: object) => void;

class Element {
  textContent = '';
  title = '';
  value = '';
  clientWidth = 1000;
  readonly style: Record<string, string> = {};
  readonly classes = new Set<string>();
  readonly classList = { add: (name: string) => this.classes.add(name) };
  readonly #listeners = new Map<string, Listener>();
  children: Element[] = [];

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, listener);
  }

  replaceChildren(...children: Element[]): void {
    this.children = children;
  }

  fire(type: string, event: object = {}): void {
    this.#listeners.get(type)?.(event);
  }
}

class Page {
  readonly elements = new Map<string, Element>();
  readonly document = new Element();

  constructor(profile: Profile) {
    const html = flameHtml(profile);
    const data = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)?.[1] ?? '';
    this.get('data').textContent = data;
    const [, script = ''] = /<script>(.*?)<\/script>/s.exec(html) ?? [];
    const document = Object.assign(this.document, {
      getElementById: (id: string) => this.get(id),
      createElement: () => new Element(),
    });
    runInContext(script, createContext({ document, window: new Element() }));
  }

  get(id: string): Element {
    const element = this.elements.get(id) ?? new Element();
    this.elements.set(id, element);
    return element;
  }

  get cells(): readonly Element[] {
    return this.get('graph').children;
  }

  cell(name: string): Element {
    return this.cells.find(({ textContent }) => textContent === name) ?? assert.fail(`no cell ${name}`);
  }
}

const SHOP = profileOf([
  stackOf('shop;main;serve;parse', 60),
  stackOf('shop;main;serve;write;vfs_write_[k]', 30),
  stackOf('shop;main;idle', 10),
]);

test('every function is a cell as wide as its share, with what it is in its title', () => {
  const page = new Page(SHOP);
  assert.deepEqual(
    page.cells.map(({ textContent, style: { left, top, width } }) => [textContent, left, top, width]),
    [
      ['all', '0px', '0px', '1000px'],
      ['shop', '0px', '17px', '1000px'],
      ['main', '0px', '34px', '1000px'],
      ['serve', '0px', '51px', '900px'],
      ['parse', '0px', '68px', '600px'],
      ['write', '600px', '68px', '300px'],
      ['vfs_write', '600px', '85px', '300px'],
      ['idle', '900px', '51px', '100px'],
    ],
  );
  assert.match(page.cell('vfs_write').title, /^vfs_write \(300 ms, 30\.0 %; in itself 300 ms; kernel\)$/);
});

test('a click zooms, what is above stays in sight, Escape and the button go back', () => {
  const page = new Page(SHOP);
  page.cell('write').fire('click');
  assert.deepEqual(
    page.cells.map(({ textContent, style: { width }, classes }) => [textContent, width, [...classes].join()]),
    [
      ['all', '1000px', 'above'],
      ['shop', '1000px', 'above'],
      ['main', '1000px', 'above'],
      ['serve', '1000px', 'above'],
      ['write', '1000px', ''],
      ['vfs_write', '1000px', ''],
    ],
  );
  page.document.fire('keydown', { key: 'Escape' });
  assert.equal(page.cells.length, 8);
  page.cell('write').fire('click');
  page.get('reset').fire('click');
  assert.equal(page.cells.length, 8);
});

test('a search marks and says how much it is; what is found inside what is found counts once', () => {
  const page = new Page(SHOP);
  const search = (text: string): string => {
    page.get('search').value = text;
    page.get('search').fire('input');
    const marked = page.cells
      .filter(({ classes }) => classes.has('found'))
      .map(({ textContent }) => textContent);
    return `${marked.join()}: ${page.get('found').textContent}`;
  };
  assert.equal(search('WRITE'), 'write,vfs_write: 30.0 % found');
  assert.equal(search('/^(parse|idle)$/'), 'parse,idle: 70.0 % found');
  assert.equal(search('/(/'), ': 0.0 % found');
  assert.equal(search(''), ': ');
});

test('names become text: no tag begins in the data, and the policy knows the script and the style by their hashes', () => {
  const profile = profileOf([stackOf(`${HOSTILE};${HOSTILE}`, 1)]);
  const html = flameHtml(profile);
  assert.equal(html.match(/<script/g)?.length, 2);
  assert.doesNotMatch(html, /<img|https?:/);
  const policy = /Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1] ?? '';
  for (const [tag, directive] of [
    ['script', 'script-src'],
    ['style', 'style-src'],
  ] as const) {
    const [, content = ''] = new RegExp(`<${tag}>(.*?)</${tag}>`, 's').exec(html) ?? [];
    const hash = createHash('sha256').update(content).digest('base64');
    assert.ok(policy.includes(`${directive} 'sha256-${hash}'`), policy);
  }
  assert.match(policy, /^default-src 'none';/);
  assert.deepEqual(
    new Page(profile).cells.map(({ textContent }) => textContent),
    ['all', HOSTILE, HOSTILE],
  );
});

test('a profile with very many functions is bounded, and says what it left out', () => {
  const many = Array.from({ length: 60_000 }, (_, index) => stackOf(`app;f${index}`, 1 + (index % 7)));
  const html = flameHtml(profileOf(many));
  assert.match(html, /\d+ functions with too little are left out \(\d/);
  assert.ok(html.length < 4 << 20);
  assert.ok(new Page(profileOf([])).cells.length === 1);
});
