/**
 * The build: BPF -> decoders -> WASM -> TypeScript. Run it with `npm run build`, or for collectors of your own
 *
 *   node src/build/build.ts --collectors DIR --out OUT
 *
 * which leaves objects, decoders, compiled modules, descriptions and mappings side by side in OUT; `huatuo build` calls it so.
 */

import console from 'node:console';
import { basename, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { CollectorDescription } from '../catalog/description.ts';
import { loadCatalog } from '../catalog/load-catalog.ts';
import { COLLECTOR_NAME } from '../catalog/read-collector.ts';
import { renderDefault } from '../config/render.ts';
import { HuatuoError } from '../error.ts';
import { at } from '../paths.ts';
import type { ObjectManifest } from '../schema/manifest.ts';
import { bundle } from './bundle.ts';
import { type BuildOutcome, buildCollectors, buildDirectory, type CollectorSet } from './collectors.ts';
import { writeDescriptions } from './descriptions.ts';
import { filesIn, removeOrphans } from './files.ts';
import { agentFiles, bindingFiles, schemaFiles, writeGenerated } from './generated.ts';
import { writeLaunchSettings } from './launch-settings.ts';
import { Stamps } from './stamps.ts';
import { compileTypeScript } from './typescript.ts';
import { checkDirectories } from './user-directories.ts';
import { buildUserModules } from './user-modules.ts';

const USAGE = `Usage: node src/build/build.ts [--quiet] [--collectors DIR --out OUT]

Builds what changed: BPF objects, decoders, WASM, TypeScript.

  --quiet            print only what was rebuilt and what failed
  --collectors DIR   build the *.bpf.c and *.ts of DIR instead of the built-in ones
  --out OUT          where <name>.bpf.o, <name>.json, <name>.wasm and <name>.js go
`;

/** Programs of the agent itself, which are no collectors. */
const AGENT = { sources: at('bpf/agent'), out: at('dist/agent') };

const BUILT_IN: CollectorSet = {
  sources: at('bpf'),
  objects: at('dist/bpf'),
  wasm: at('dist/wasm'),
  decoders: at('wasm/decoders'),
  stamps: at('dist/.build-stamps.json'),
};

/** Prints one line for each step. */
class Progress {
  readonly #quiet: boolean;
  failed = false;
  #started = performance.now();

  constructor(quiet: boolean) {
    this.#quiet = quiet;
  }

  /** @param changed names of what was made anew; an empty list is only worth a line when not quiet */
  step(name: string, summary: string, changed: readonly string[]): void {
    const ms = Math.round(performance.now() - this.#started);
    this.#started = performance.now();
    if (this.#quiet && changed.length === 0) return;
    const made = changed.length > 0 ? `: ${changed.join(', ')}` : '';
    console.log(`${name.padEnd(11)} ${summary}${made} (${ms} ms)`);
  }

  warn(text: string): void {
    console.error(text);
  }

  fail(error: unknown): void {
    this.failed = true;
    console.error(
      `error: ${HuatuoError.from(error, 'BUILD_FAILED', 'correct this and build again').message}`,
    );
  }
}

async function reported(
  build: Promise<BuildOutcome>,
  progress: Progress,
  what = 'collectors',
): Promise<BuildOutcome | undefined> {
  try {
    const outcome = await build;
    for (const warning of outcome.warnings) progress.warn(warning);
    for (const failure of outcome.failures) progress.fail(failure);
    progress.step(
      'bpf, wasm',
      `${outcome.sources} ${what}, ${outcome.rebuilt.length} rebuilt`,
      outcome.rebuilt,
    );
    return outcome;
  } catch (error) {
    progress.fail(error);
    return undefined;
  }
}

async function buildAll(progress: Progress): Promise<void> {
  const outcome = await reported(buildCollectors(BUILT_IN), progress);
  if (outcome && outcome.manifests.length === outcome.sources) {
    const written = writeGenerated(bindingFiles(outcome.manifests));
    removeLeftovers(outcome);
    progress.step('generated', `types, ${written.length} rewritten`, written);
  }
  const own = await reported(
    buildDirectory(AGENT.sources, AGENT.out),
    progress,
    "programs of the agent's own",
  );
  if (own && own.manifests.length === own.sources) {
    const written = writeGenerated(agentFiles(AGENT.out));
    progress.step('generated', `what the agent reads of them, ${written.length} rewritten`, written);
  }
  const compiled = await compile(progress);
  try {
    // Also of sources whose types do not fit yet: the compiler has written those, too.
    await bundle();
    writeLaunchSettings();
    progress.step('bundled', 'the agent and its threads', []);
    if (!compiled) return;
    await describeBuiltIn(outcome?.manifests ?? [], progress);
    await writeDefaultConfig(progress);
  } catch (error) {
    progress.fail(error);
  }
}

async function compile(progress: Progress): Promise<boolean> {
  try {
    const { ran, sources } = await compileTypeScript(new Stamps(BUILT_IN.stamps));
    progress.step('typescript', `${sources} files${ran ? ', compiled' : ''}`, []);
    return true;
  } catch (error) {
    progress.fail(error);
    return false;
  }
}

/** What the built-in modules say about themselves. A name with a dash is a helper's. */
async function describeBuiltIn(manifests: readonly ObjectManifest[], progress: Progress): Promise<void> {
  const rewritten: string[] = [];
  const descriptions = new Map<string, CollectorDescription>();
  for (const kind of ['events', 'autotracing', 'metrics']) {
    const directory = at('dist/src/collectors', kind);
    const modules = filesIn(directory, '.js').filter((path) => COLLECTOR_NAME.test(basename(path, '.js')));
    const described = await writeDescriptions(directory, modules);
    for (const failure of described.failures) progress.fail(failure);
    rewritten.push(...described.rewritten);
    for (const [name, description] of described.descriptions) descriptions.set(name, description);
  }
  rewritten.push(...writeGenerated(schemaFiles(manifests, descriptions)));
  progress.step('described', `${descriptions.size} modules, mappings and reference`, rewritten);
}

/** The file with every setting and its default, which is committed to be read. */
async function writeDefaultConfig(progress: Progress): Promise<void> {
  const catalog = await loadCatalog({ builtinRoot: at('dist'), extraDirectories: [] });
  // A broken one has been told about above; the file is not to lose its settings meanwhile.
  if (catalog.broken.length > 0) return;
  const written = writeGenerated(new Map([['src/config/huatuo.yaml', renderDefault(catalog)]]));
  progress.step('defaults', `${catalog.entries.length} collectors`, written);
}

/**
 * Only with every manifest at hand: a collector that did not compile is not one that is gone. Committed files are left
 * to the author; a test names those without a source.
 */
function removeLeftovers({ manifests }: BuildOutcome): void {
  const all = new Set(manifests.map((manifest) => manifest.collector));
  const events = new Set(
    manifests.filter((manifest) => manifest.event).map((manifest) => manifest.collector),
  );
  removeOrphans(BUILT_IN.objects, '.bpf.o', all);
  removeOrphans(BUILT_IN.objects, '.json', all);
  removeOrphans(BUILT_IN.wasm, '.wasm', events);
}

/** A user's directory: objects, decoders and the modules beside them go to one place. */
async function buildUserSet(sources: string, out: string, progress: Progress): Promise<void> {
  try {
    checkDirectories(sources, out);
    if (filesIn(sources, '.bpf.c', '.ts').length === 0)
      progress.warn(`warning: ${sources} has no *.bpf.c and no *.ts: nothing to build`);
    const outcome = await reported(buildDirectory(sources, out), progress);
    if (!outcome) return;
    const { rewritten, failures } = await buildUserModules(sources, out, outcome.manifests);
    for (const failure of failures) progress.fail(failure);
    progress.step('modules', `${rewritten.length} rebuilt`, rewritten);
  } catch (error) {
    progress.fail(error);
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quiet: { type: 'boolean', default: false },
      collectors: { type: 'string' },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  if ((values.collectors === undefined) !== (values.out === undefined)) {
    throw new HuatuoError('USAGE', { found: 'one of --collectors and --out', remedy: 'give both' });
  }
  const progress = new Progress(values.quiet);
  if (values.collectors !== undefined && values.out !== undefined) {
    await buildUserSet(resolve(values.collectors), resolve(values.out), progress);
  } else {
    await buildAll(progress);
  }
  process.exitCode = progress.failed ? 1 : 0;
}

main().catch((error: unknown) => {
  console.error(`error: ${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  process.exitCode = 2;
});
