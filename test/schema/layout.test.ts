import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import test from 'node:test';
import { describeLayout } from '../../src/schema/layout.ts';
import type { EventLayout } from '../../src/schema/manifest.ts';
import { manifestOf, temporaryDirectory } from '../build/compiled.ts';

/** Layout of an event whose struct has these lines. */
async function layoutOf(members: string, struct = 'probe_event'): Promise<EventLayout> {
  using directory = temporaryDirectory();
  const source = `${directory.path}/probe.bpf.c`;
  writeFileSync(
    source,
    `#include "event.h"
    enum answer { NO, YES };
    typedef dur_ns my_wait;
    struct ${struct} { ${members} } DOC("A probe");
    EVENT_RING(${struct}, 1 << 12);`,
  );
  return (await manifestOf(source)).event as EventLayout;
}

const TIME = 'ktime_ns time DOC("When");';
const PLAIN = `${TIME} pid_nr pid DOC("Who"); enum answer answer DOC("What");`;
const plain = await layoutOf(PLAIN);

test('the hash stays when only documentation changes', async () => {
  const reworded = await layoutOf(PLAIN.replace('Who', 'Which process'));
  assert.equal(reworded.hash, plain.hash);
});

const CHANGES: Readonly<Record<string, string>> = {
  'the name of a field': PLAIN.replace('pid DOC', 'tid DOC'),
  'its JSON key': PLAIN.replace('pid DOC', 'pid JSON("process") DOC'),
  'its format': PLAIN.replace('pid_nr pid', 'signed32 pid'),
  'the order of fields': `pid_nr pid DOC("Who"); enum answer answer DOC("What"); ${TIME}`,
  'the size of the struct': `${PLAIN} u8 _pad[8];`,
};
for (const [what, members] of Object.entries(CHANGES)) {
  test(`the hash changes with ${what}, and the printed layouts show it`, async () => {
    const changed = await layoutOf(members);
    assert.notEqual(changed.hash, plain.hash);
    const body = (layout: EventLayout): string => describeLayout(layout).split('\n').slice(1).join('\n');
    assert.notEqual(body(changed), body(plain));
  });
}

test('an event without attributes is information of schema version 1, named after its collector', () => {
  assert.deepEqual([plain.severity, plain.schemaVersion, plain.tracer], ['info', 1, 'probe']);
});

test('a typedef of a semantic type means the same, qualified or not', async () => {
  const layout = await layoutOf(`${TIME} const volatile my_wait wait_ns DOC("How long");`);
  assert.equal(layout.fields[1]?.format, 'dur_ns');
});
