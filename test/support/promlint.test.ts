import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { promlint } from './promlint.ts';

const page = (name: string, type: string, samples = `${name} 1`): string =>
  `# HELP ${name} Help.\n# TYPE ${name} ${type}\n${samples}\n`;

test('a clean page has no problems', () => {
  assert.deepEqual(
    promlint(page('huatuo_cpu_seconds_total', 'counter', 'huatuo_cpu_seconds_total{cpu="0"} 1.5')),
    [],
  );
});

test('names that existing dashboards force are exempt from idiom, others of upstream are not', () => {
  assert.deepEqual(promlint(page('huatuo_bamai_cpu_util_total', 'gauge')), []);
  assert.match(promlint(page('huatuo_bamai_new_total', 'gauge')).join(), /is not a counter/);
  assert.match(promlint(page('huatuo_bamai_cpu_util_total', 'gauge', 'x"')).join(), /unreadable/);
});

describe('each rule finds its fault', () => {
  const faulty: Readonly<Record<string, readonly [string, RegExp]>> = {
    'counter without _total': [page('huatuo_a', 'counter'), /does not end in _total/],
    'gauge with _total': [page('huatuo_a_total', 'gauge'), /is not a counter/],
    'suffix of histograms': [page('huatuo_a_count', 'gauge'), /suffix of histograms/],
    'label le': [page('huatuo_a', 'gauge', 'huatuo_a{le="1"} 1'), /label le/],
    'label quantile': [page('huatuo_a', 'gauge', 'huatuo_a{quantile="1"} 1'), /label quantile/],
    colon: [page('huatuo_a:b', 'gauge'), /colon/],
    'camel case': [page('huatuo_aB', 'gauge'), /camelCase/],
    'label in camel case': [page('huatuo_a', 'gauge', 'huatuo_a{aB="1"} 1'), /label in camelCase/],
    'type in the name': [page('huatuo_gauge_a', 'gauge'), /type in its name/],
    'non-base unit': [page('huatuo_a_ms', 'gauge'), /base units/],
    'no HELP': ['# TYPE huatuo_a gauge\nhuatuo_a 1\n', /no HELP/],
    'no TYPE': ['# HELP huatuo_a A.\nhuatuo_a 1\n', /no TYPE/],
    'two TYPE lines': [page('huatuo_a', 'gauge') + page('huatuo_a', 'gauge'), /two TYPE/],
    'the same series twice': [page('huatuo_a', 'gauge', 'huatuo_a 1\nhuatuo_a 2'), /same series twice/],
    'an unescaped quote': [page('huatuo_a', 'gauge', 'huatuo_a{b="x"y"} 1'), /unreadable/],
    'a raw newline': [page('huatuo_a', 'gauge', 'huatuo_a{b="x\ny"} 1'), /unreadable/],
    'no value': [page('huatuo_a', 'gauge', 'huatuo_a undefined'), /value undefined/],
    'no newline at the end': ['# HELP huatuo_a A.\n# TYPE huatuo_a gauge\nhuatuo_a 1', /newline/],
  };
  for (const [name, [text, message]] of Object.entries(faulty))
    test(name, () => assert.match(promlint(text).join('\n'), message));
});
