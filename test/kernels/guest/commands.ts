/** What the guest's suite asks of its host. */
import { execFile, spawn } from 'node:child_process';
import { release } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Finding } from '../report.ts';

/** Of this machine against the one the deadlines are written for; at least 1. Set once, at the beginning. */
let slowness = 1;
/** The host may be busier later than when it was measured. */
const PATIENCE = 3;

/** Measures how slow the guest is, by a program that takes 50 ms where it is not emulated. */
export async function measureSlowness(): Promise<number> {
  const began = performance.now();
  await run('huatuo', 'version');
  slowness = Math.max(1, (performance.now() - began) / 50);
  return slowness;
}

/** @returns stdout; rejects when it fails */
export function run(program: string, ...parameters: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, parameters, { maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${program} ${parameters.join(' ')}: ${stderr.trim() || error.message}`));
      else resolve(stdout);
    });
  });
}

/** Starts a shell command and does not wait for it. */
export function start(command: string): void {
  spawn('sh', ['-c', command], { stdio: 'ignore', detached: true }).unref();
}

/** The same. @returns ends it, with all that it has started */
export function startGroup(command: string): () => void {
  const child = spawn('sh', ['-c', command], { stdio: 'ignore', detached: true });
  child.unref();
  return () => process.kill(-child.pid!, 'SIGKILL');
}

/** Whether the guest's kernel is older than that release. */
export function isBefore(major: number, minor: number): boolean {
  const [ofGuest = 0, minorOfGuest = 0] = release()
    .split('.')
    .map((part) => Number.parseInt(part, 10));
  return ofGuest < major || (ofGuest === major && minorOfGuest < minor);
}

/**
 * Asks until there is an answer.
 * @param seconds on a machine that is not emulated
 * @returns undefined when there was none in time
 */
export async function eventually<T>(
  seconds: number,
  ask: () => Promise<T | undefined> | T | undefined,
): Promise<T | undefined> {
  const end = performance.now() + seconds * 1000 * slowness * PATIENCE;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined || performance.now() > end) return answer;
    await sleep(2000);
  }
}

/** How far it is. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Of a reason only what a table has room for. */
const NOTE_CHARACTERS = 300;

export function ok(note: string): Finding {
  return { result: 'ok', note };
}

export function wrong(note: string): Finding {
  return { result: 'wrong', note: short(note) };
}

export function short(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|');
  return line.length > NOTE_CHARACTERS ? `${line.slice(0, NOTE_CHARACTERS)} …` : line;
}
