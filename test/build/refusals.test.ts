/** One C file for each rule an event, an option or a map can break: test/fixtures/bpf-invalid/<name>.bpf.c. */
import assert from 'node:assert/strict';
import { basename } from 'node:path';
import test from 'node:test';
import { buildCollectors } from '../../src/build/collectors.ts';
import { filesIn } from '../../src/build/files.ts';
import { HuatuoError } from '../../src/error.ts';
import { at } from '../../src/paths.ts';
import { temporaryDirectory } from './compiled.ts';

/** What the message must name: place, finding, remedy. */
const MESSAGES: Readonly<Record<string, RegExp>> = {
  about_in_part: /only some of QUESTION\(\), KERNEL\(\) and FALSE_POSITIVES\(\); say all three/,
  anonymous_member: /struct invalid_event, field number 2: a member without a name; name the nested struct/,
  array_of_structs: /field peers: an array of struct; only arrays of numbers/,
  'Bad-Name': /the collector name 'Bad-Name'; use at most 48 of a-z/,
  bad_json_key: /field flags: JSON key 'with space'; use letters/,
  bad_schema: /struct invalid_event: schema version 'zero'; use SCHEMA\(\)/,
  bad_severity: /severity 'fatal'; use SEVERITY\(\) with one of info, warning, critical/,
  bad_tracer: /tracer name 'Upper_Case'; use at most 64/,
  bare_integer:
    /struct invalid_event, field latency_ns: a bare u64; .* use a semantic type of bpf\/include\/huatuo\.h/,
  bit_field: /field urgent: a bit-field of 1 bits; use a whole bool8/,
  bytes_without_unit: /field length: .*; end its name in _bytes/,
  count_without_noun: /field retried: .*; end its name in what it counts \(_count, _total/,
  duplicate_key: /field tid: JSON key 'pid' is taken by pid; .*JSON\("name"\)/,
  duration_without_unit: /field latency: .*; end its name in _ns/,
  field_without_doc: /field latency_ns: no documentation; add DOC/,
  flexible_array: /field sample_count: an array without a length; .*give the array a length/,
  incomplete_struct: /event_anchor that does not name a complete struct; declare the struct above EVENT_RING/,
  map_with_hole: /map flows, key, field cookie: 2 bytes of implicit padding before it; .*u8 _pad\[2\]/,
  nested_time: /field phase\.start: a ktime_ns inside a nested struct; .*dur_ns/,
  no_purpose: /neither an event nor a COLLECTOR_DOC\(\); say in one sentence/,
  no_time: /struct invalid_event: no ktime_ns; an event has one/,
  option_duplicate_key: /option limit_bytes: config key 'limit' is taken by limit_ns; rename/,
  option_signed: /option threshold: a type that no config value fits; use an unsigned integer/,
  option_too_large: /option threshold_ns: a default of \d+; keep it below 2\^53/,
  optional_first: /field flags: OPTIONAL on the first field; put one in front of it that is always there/,
  padding_at_end: /struct invalid_event: 4 bytes of implicit padding at the end; .*u8 _pad\[4\]/,
  padding_at_end_of_nested: /field peer: 7 bytes of implicit padding at the end; .*u8 _pad\[7\]/,
  padding_between: /field latency_ns: 4 bytes of implicit padding before it; .*u8 _pad\[4\]/,
  padding_nested: /field peer\.pid: 3 bytes of implicit padding before it/,
  pointer: /field socket: a pointer; copy what it points to, or use kaddr/,
  struct_without_doc: /struct invalid_event: no documentation; add DOC/,
  syntax_error: /clang refused it:\n.*syntax_error\.bpf\.c:4:25: error: expected ';'/,
  two_times: /2 ktime_ns \(time, end\); an event has one/,
  typedef_of_other_size: /field comm: type comm_t of 15 bytes; it has 16/,
  union_member: /field either: a union; use one field for each meaning/,
  unit_of_another_type: /field latency_ns: a hex value under this name; give it the type dur_ns/,
  unknown_typedef: /field distance: a bare furlongs; say what the number means/,
  owner_of_no_cgroup: /field latency_ns: OWNER on a dur_ns; only a single cgroup id has an owner/,
  kernel_enum_of_duration:
    /field latency_ns: KERNEL_ENUM\("skb_drop_reason"\) on a dur_ns; use it with index32/,
  kernel_enum_of_no_name: /field reason: KERNEL_ENUM\("one, two"\) on a id; use it with index32 and a C name/,
  tail_without_most: /field data: a tail of any number of bytes; .*TAIL\(\)/,
  tail_without_length: /1 tails and 0 tail_length; a tail has one tail_length beside it/,
  two_owners: /field parent_id: JSON key 'container_id' is taken by cgroup_id/,
  variant_with_other_head:
    /struct other_event: ktime_ns at byte 8, in struct invalid_event at byte 0; begin all structs/,
  variant_with_tag_0: /event_variant_other_event: EVENT_VARIANT\(\) with the tag '0'; use a number from 1/,
};

const sources = filesIn(at('test/fixtures/bpf-invalid'), '.bpf.c');
using directory = temporaryDirectory();
const outcome = await buildCollectors({
  sources: at('test/fixtures/bpf-invalid'),
  objects: directory.path,
  wasm: directory.path,
  decoders: directory.path,
  stamps: `${directory.path}/stamps.json`,
});

test('every fixture has its message and every message its fixture', () => {
  assert.deepEqual(sources.map((source) => basename(source, '.bpf.c')).sort(), Object.keys(MESSAGES).sort());
});

for (const [name, pattern] of Object.entries(MESSAGES)) {
  test(`${name} is refused, naming the place and the remedy`, () => {
    const failure = outcome.failures.find((error) => error.message.includes(`/${name}.bpf.c`));
    assert.ok(failure instanceof HuatuoError);
    assert.equal(failure.code, 'BUILD_FAILED');
    assert.match(failure.message, pattern);
  });
}

test('a source that broke a rule leaves no manifest', () => {
  assert.deepEqual(outcome.manifests, []);
  assert.deepEqual(filesIn(directory.path, '.json'), []);
});
