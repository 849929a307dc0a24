/** The two streams of a command. */

/** Data. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Everything that is not what was asked for. */
export function complain(text: string): void {
  process.stderr.write(`huatuo: ${text}\n`);
}
