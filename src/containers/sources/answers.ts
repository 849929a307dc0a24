/** From what a source answered to containers: one bad container costs itself only, an answer of bad ones is a failure. */
import { en } from 'zod/locales';
import * as z from 'zod/mini';
import { $ZodError } from 'zod/v4/core';
import { HuatuoError } from '../../error.ts';
import { type LeftOut, MAX_DETAILS } from './source.ts';

// What zod/mini leaves out: without it each message is "Invalid input".
z.config(en());

/** What a node full of containers does not reach: about 1.6 KiB for each of `MAX_DETAILS`. */
export const MAX_ANSWER_BYTES: number = 16 * 1024 * 1024;

/** The one error of a source; the message says who was asked and what came. */
export function sourceFailed(
  source: string,
  wanted: string,
  found: string,
  remedy: string,
  cause?: unknown,
): HuatuoError {
  return new HuatuoError('CONTAINER_SOURCE_FAILED', {
    expected: `${wanted} from ${source}`,
    found,
    remedy,
    cause,
  });
}

/**
 * The first `MAX_DETAILS` entries that have the shape.
 * @throws CONTAINER_SOURCE_FAILED when the answer is no list, or has entries and all of them are malformed
 */
export function checkedList<T>(
  source: string,
  answer: unknown,
  shape: z.ZodMiniType<T>,
): { readonly entries: readonly T[]; readonly leftOut: LeftOut } {
  if (!Array.isArray(answer)) throw notContainers(source, `${answer === null ? 'null' : typeof answer}`);
  const looked = answer.slice(0, MAX_DETAILS);
  const results = looked.map((entry) => shape.safeParse(entry));
  const entries = results.flatMap((result) => (result.success ? [result.data] : []));
  const bad = results.find((result) => !result.success);
  if (bad?.error && entries.length === 0) throw notContainers(source, whyMalformed(bad.error), bad.error);
  const malformed = looked.length - entries.length;
  return { entries, leftOut: { malformed, overLimit: answer.length - looked.length } };
}

function notContainers(source: string, found: string, cause?: unknown): HuatuoError {
  return sourceFailed(
    source,
    'a list of containers',
    found,
    'check that this address is the API, of a version this agent knows',
    cause,
  );
}

/** Why an answer was not understood, without quoting it: it might be a secret. */
export function whyMalformed(error: unknown): string {
  if (!(error instanceof $ZodError)) return (error as Error).message;
  const [issue] = error.issues;
  return `${issue?.path.join('.')}: ${issue?.message}`;
}

/** Real answers reach about 15 and, for 10,000 containers, about a million; beyond that the values would take gigabytes. */
const MAX_DEPTH = 64;
const MAX_VALUES = 2_000_000;

/**
 * Like JSON.parse, whose own message quotes the text around the fault, and environment variables are in what we parse. Depth and
 * number of values are bounded before anything is made of them: 16 MB of brackets are a gigabyte of arrays.
 * @throws SyntaxError
 */
export function parseJson(body: Uint8Array): unknown {
  checkExtent(body);
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    throw new SyntaxError(`${body.length} bytes that are not JSON`);
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

function checkExtent(body: Uint8Array): void {
  let depth = 0;
  let values = 1;
  for (let at = 0; at < body.length; at++) {
    switch (body[at]) {
      case QUOTE:
        at = endOfString(body, at + 1);
        break;
      case OPEN_BRACKET:
      case OPEN_BRACE:
        values++;
        if (++depth > MAX_DEPTH) throw new SyntaxError(`JSON of more than ${MAX_DEPTH} levels`);
        break;
      case CLOSE_BRACKET:
      case CLOSE_BRACE:
        depth--;
        break;
      case COMMA:
        values++;
        break;
    }
    if (values > MAX_VALUES) throw new SyntaxError(`JSON of more than ${MAX_VALUES} values`);
  }
}

/** @returns where the closing quote is, or the end */
function endOfString(body: Uint8Array, start: number): number {
  let at = start;
  while (at < body.length && body[at] !== QUOTE) at += body[at] === BACKSLASH ? 2 : 1;
  return at;
}
