/** The configuration as YAML text: the commented default file, and what is in force with the origin of each value. */
import { Document, stringify } from 'yaml';
import type { Catalog } from '../catalog/catalog.ts';
import { printable } from '../text.ts';
import { allowedAt, isSection, type SchemaNode } from './describe.ts';
import type { LoadedConfig } from './load.ts';
import { configSchema } from './schema.ts';

const WIDTH = 100;

const HEADER = `\
# Configuration of huatuo. Every key is here with its default; to change one, take the # before it away.
# Durations and sizes are written with their unit: 500us, 10ms, 15s, 5m, 1h; 64KiB, 100MiB, 1GB.
# Check a change with: huatuo check FILE. This file is made by: huatuo check --default

`;

/**
 * The default file. Sections stand there, keys are commented out (`#key: value`), so the file as it is means the
 * defaults, and taking one `#` away is enough to change a key.
 */
export function renderDefault(catalog: Catalog): string {
  return HEADER + renderSection(configSchema(catalog).node, '');
}

function renderSection(node: SchemaNode, indent: string): string {
  const keys = Object.entries(node.properties ?? {});
  const blocks = keys.map(([key, child], index) => {
    if (!isSection(child)) return renderKey(key, child, indent);
    // A bare # and not an empty line: formatters drop empty lines among comments.
    return `${index === 0 ? '' : `${indent}#\n`}${renderBlock(key, child, indent)}`;
  });
  return blocks.join('');
}

function renderBlock(key: string, node: SchemaNode, indent: string): string {
  return `${comment([sentence(node)], indent)}${indent}${key}:\n${renderSection(node, `${indent}  `)}`;
}

function renderKey(key: string, node: SchemaNode, indent: string): string {
  if (node.default === undefined) return '';
  const value = stringify(node.default, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd();
  const allowed = allowedAt(node);
  const text = allowed === undefined ? [sentence(node)] : [sentence(node), `Allowed: ${allowed}.`];
  return `${comment(text, indent)}${indent}#${key}: ${value}\n`;
}

function sentence(node: SchemaNode): string {
  const text = printable(node.description ?? '');
  return text === '' || text.endsWith('.') ? text : `${text}.`;
}

/** Wrapped at WIDTH columns. */
function comment(sentences: readonly string[], indent: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of sentences.join(' ').split(' ')) {
    if (line !== '' && indent.length + line.length + word.length + 3 > WIDTH) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  if (line !== '') lines.push(line);
  return lines.map((text) => `${indent}# ${text}\n`).join('');
}

/** What is in force, each value with a comment that says where it comes from. Is itself a valid file. */
export function renderEffective(loaded: LoadedConfig): string {
  const document = new Document({});
  for (const { path, value, origin } of loaded.settings) {
    const node = document.createNode(value, { flow: true });
    node.comment = ` ${origin}`;
    document.setIn(path, node);
  }
  return document.toString({ lineWidth: 0 });
}
