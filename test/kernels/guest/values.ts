/**
 * Values on the agent's page against the kernel's own files, which are read before and after the page was made: what the page says lies
 * between them.
 */
import { readFileSync } from 'node:fs';
import type { Finding } from '../report.ts';
import { type Page, scrape } from './agent.ts';
import { eventually, ok, wrong } from './commands.ts';

const SUCCESS = 'huatuo_bamai_scrape_collector_success';

export interface Value {
  readonly collector: string;
  /** What is compared, for the page. */
  readonly about: string;
  /** Name, and labels that it must have. */
  readonly series: readonly [name: string | RegExp, ...labels: string[]];
  /** What the kernel says now. Without it the value has to be above 0. */
  read?(): number;
  /** What it may be less or more: the page is of a moment before, or of another count. */
  readonly slack?: number;
  /** Not the value is compared but by how much it, over all its series, and the kernel's have risen from the first page on. */
  readonly rises?: boolean;
}

export function value(collector: string, about: string, name: string, read: () => number): Value {
  return { collector, about, series: [name], read };
}

export function above(collector: string, about: string, ...series: Value['series']): Value {
  return { collector, about, series };
}

export function number(path: string, pattern: RegExp): number {
  return numberIn(readFileSync(path, 'utf8'), pattern);
}

/** NaN, with which nothing agrees, when it is not in there. */
export function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1]);
}

/** One page, and what the kernel has said before and after. */
interface Look {
  readonly before: readonly number[];
  readonly page: Page;
  readonly after: readonly number[];
}

interface Comparison {
  /** That which was compared last. */
  readonly page: Page;
  /** For each collector: which of its values were compared, or what is wrong with them. */
  readonly findings: ReadonlyMap<string, Finding>;
  /** The same for some values. */
  of(values: readonly Value[]): Finding;
}

/** Scrapes until every collector of files has answered and every value is there and right, or for as long as patience goes. */
export async function compareValues(values: readonly Value[]): Promise<Comparison> {
  let faults = new Map<Value, string>();
  const looks: { first?: Look; last?: Look } = {};
  await eventually(4, async () => {
    const look = await lookAt(values);
    if (!look) return undefined;
    looks.first ??= look;
    const { first } = looks;
    looks.last = look;
    faults = new Map(
      values.flatMap((one, index) => {
        const fault = one.rises ? compareRise(one, index, first, look) : compare(one, index, look);
        return fault === undefined ? [] : [[one, fault] as const];
      }),
    );
    const answers = [...look.page].filter(([series]) => series.startsWith(SUCCESS));
    const isComplete = answers.length > 0 && answers.every(([, success]) => success === 1);
    return isComplete && faults.size === 0 ? true : undefined;
  });
  const of = (some: readonly Value[]): Finding => {
    const wrongs = some.flatMap((one) => faults.get(one) ?? []);
    const about = some.map((one) => one.about).join(', ');
    return looks.last && wrongs.length === 0 ? ok(`values: ${about}`) : wrong(wrongs.join('; ') || 'no page');
  };
  const byCollector = Map.groupBy(values, ({ collector }) => collector);
  const findings = new Map(Array.from(byCollector, ([collector, some]) => [collector, of(some)] as const));
  return { page: looks.last?.page ?? new Map(), findings, of };
}

/** Whether a collector has answered the scrape. */
export function hasAnswered(page: Page, collector: string): boolean {
  return page.get(`${SUCCESS}{collector="${collector}"}`) === 1;
}

async function lookAt(values: readonly Value[]): Promise<Look | undefined> {
  const before = values.map(readSafely);
  try {
    const page = await scrape();
    return { before, page, after: values.map(readSafely) };
  } catch {
    return undefined;
  }
}

function compare(one: Value, index: number, { before, page, after }: Look): string | undefined {
  const { about, slack = 0 } = one;
  const found = seriesOf(one, page);
  if (found.length === 0) return `${about}: no series ${one.series[0]}`;
  if (one.read === undefined) return found.some((is) => is > 0) ? undefined : `${about}: found only 0`;
  const [is] = found as [number];
  const [earlier, later] = [before[index]!, after[index]!];
  return fault(about, is, Math.min(earlier, later) - slack, Math.max(earlier, later) + slack);
}

function compareRise(one: Value, index: number, first: Look, look: Look): string | undefined {
  const { about, slack = 0 } = one;
  if (look === first) return `${about}: one page only`;
  const [sum, firstSum] = [look.page, first.page].map((page) =>
    seriesOf(one, page).reduce((all, is) => all + is, 0),
  ) as [number, number];
  const least = look.before[index]! - first.after[index]! - slack;
  return fault(about, sum - firstSum, least, look.after[index]! - first.before[index]! + slack);
}

function fault(about: string, is: number, least: number, most: number): string | undefined {
  return is >= least && is <= most ? undefined : `${about}: expected ${least} to ${most}, found ${is}`;
}

function seriesOf({ series: [name, ...labels] }: Value, page: Page): number[] {
  return [...page].flatMap(([series, is]) => {
    const [word = ''] = series.split('{');
    const isIt = typeof name === 'string' ? word === name : name.test(word);
    return isIt && labels.every((label) => series.includes(label)) ? [is] : [];
  });
}

function readSafely({ read }: Value): number {
  try {
    return read?.() ?? 0;
  } catch {
    return Number.NaN;
  }
}
