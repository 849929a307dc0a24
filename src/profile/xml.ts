/** Text that processes and files have chosen, as it may stand in XML and HTML. */

/** What XML 1.0 has no way to write. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are the ones.
const UNWRITABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ud800-\udfff\ufffe\uffff]/g;
const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** For content of elements and quoted attributes. */
export function escapeXml(text: string): string {
  return text.replace(UNWRITABLE, '?').replace(/[&<>"']/g, (char) => ESCAPES[char]!);
}
