import assert from 'node:assert/strict';
import { test } from 'node:test';
import { demangled } from '../../src/decoder/demangle.ts';

for (const [name, expected] of [
  ['_ZN4shop6Server5serveERKNS_7RequestE', 'shop::Server::serve(shop::Request const&)'],
  ['_ZNSt6vectorIiSaIiEE9push_backEOi', 'std::vector<int, std::allocator<int> >::push_back(int&&)'],
  ['_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE', 'core::fmt::Write::write_fmt'],
  ['_RNvCskwGfYPst2Cb_3foo16example_function', 'foo::example_function'],
  ['main', 'main'],
  ['_Z', '_Z'],
  ['_ZN', '_ZN'],
  ['_Zzzzzzz', '_Zzzzzzz'],
] as const) {
  test(`${name} is ${expected}`, () => {
    assert.equal(demangled(name), expected);
  });
}

test('names that were made to blow up are bounded, and the next one is read', () => {
  const bomb = `_Z1fI${'1aI'.repeat(150)}iE`;
  for (const name of [bomb, `_ZN${'St'.repeat(240)}E`, `_RNvC${'N'.repeat(400)}`, '_Z1fIXszfp_EEvv'])
    assert.ok(demangled(name).length <= 512);
  assert.equal(demangled('_Z3onev'), 'one()');
});
