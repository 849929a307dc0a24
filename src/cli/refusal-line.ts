/** What the verifier says of each program at the end, whether it takes it or not. */
const FIGURES = /^(processed \d|verification time|stack depth|mark_precise|\s*$)/;
/** Of an error's message, behind what was found. */
const REMEDY = /^; /;

/** A refusal in one line: how it begins, and what the verifier has said last of the program, which is why. */
export function refusalLine(reason: string): string {
  const [first = '', ...words] = reason.split('\n');
  const why = words.filter((line) => !FIGURES.test(line) && !REMEDY.test(line)).at(-1);
  return why === undefined ? first : `${first.replace(/:$/, '')}: ${why.trim()}`;
}
