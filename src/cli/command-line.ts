/** The command line as data: nothing is done here. */
import { styleText } from 'node:util';
import { Argument, Command, CommanderError, Option } from 'commander';
import { type Catalog, createCatalog } from '../catalog/catalog.ts';
import { HuatuoError } from '../error.ts';
import { nearest } from '../suggest.ts';
import { printable } from '../text.ts';
import { addConfigFlags, type ConfigFlags, configFlags, isCollectorFlag } from './flags.ts';
import { formatVersion, version } from './version.ts';

export type Invocation =
  | { readonly command: 'run'; readonly flags: ConfigFlags }
  | { readonly command: 'check'; readonly flags: ConfigFlags; readonly show: CheckOutput }
  | { readonly command: 'list'; readonly flags: ConfigFlags; readonly output: 'table' | 'json' }
  | { readonly command: 'events'; readonly flags: ConfigFlags; readonly events: EventFlags }
  | { readonly command: 'reload'; readonly flags: ConfigFlags }
  | { readonly command: 'resend'; readonly flags: ConfigFlags }
  | { readonly command: 'containers'; readonly flags: ConfigFlags; readonly output: 'table' | 'json' }
  | { readonly command: 'profile'; readonly flags: ConfigFlags; readonly profile: ProfileFlags }
  | { readonly command: 'unpin'; readonly flags: ConfigFlags; readonly directory: string | undefined }
  | { readonly command: 'build'; readonly directory: string; readonly out: string }
  | { readonly command: 'version'; readonly output: 'text' | 'json' }
  /** --help, --version: finished text. */
  | { readonly command: 'print'; readonly text: string };

export type CheckOutput = 'summary' | 'effective' | 'schema' | 'default' | 'elasticsearch';

/** What `huatuo events` is asked for, as it was written. */
export interface EventFlags {
  readonly collectors: readonly string[];
  readonly since?: string;
  readonly until?: string;
  readonly container?: string;
  readonly filters: readonly string[];
  readonly follow: boolean;
  readonly output: 'table' | 'json';
}

/** What `huatuo profile` is asked for, as it was written. */
export interface ProfileFlags {
  readonly container?: string;
  readonly unit?: string;
  readonly pid?: string;
  readonly offCpu?: boolean;
  readonly alloc?: boolean;
  readonly block?: boolean;
  readonly duration: string;
  readonly hz: string;
  readonly output: string;
}

const PROFILE_EXAMPLES = `
Without --container, --unit or --pid it is of the whole host. Needs root; an agent may run beside it, or none.

Examples:
  huatuo profile --container shop-web                 what it does with its CPU time
  huatuo profile --container shop-web --off-cpu -o wait.html
                                                      where it waits: for events, locks, I/O, or a CPU
  huatuo profile --unit nginx.service                 the same of a systemd unit, with all its processes
  huatuo profile --pid 4711 --alloc -o memory.html    which code brings memory into use
  huatuo profile --block --duration 30s -o io.svg     who waits for I/O, and in which code
  huatuo profile -o cpu.pprof && go tool pprof -top cpu.pprof

The end of the output's name says what it is:
  .html                 flame graph to look at: click zooms, search marks
  .svg                  the same as a picture
  .pprof, .pb.gz        for pprof, Grafana, Pyroscope
  .folded               a line for each stack, for flamegraph.pl and the like
  .speedscope.json      for https://speedscope.app

What is seen: stacks are walked by frame pointers. Code that was built without them (-fomit-frame-pointer, the default of
most compilers and of many distributions) shows the function that runs, but not all of its callers; the C library
is such code in many of them, and hides who has called it. Names come from the symbol tables of the files that are mapped,
also of removed ones and of those in containers, from /tmp/perf-PID.map of runtimes that compile while they run
(node --perf-basic-prof, python3 -X perf, for Java jcmd PID Compiler.perfmap), and from the kernel. Frames without a name
are shown as [unknown], with the file: one that was stripped, or [jit] where a runtime has left no map.
`;

const EXAMPLES = `
Examples:
  huatuo                                        run with the defaults
  huatuo check my.yaml                          find every mistake in a configuration
  huatuo check --default > my.yaml              start a configuration with every key explained
  huatuo events -f                              what is happening, as it happens
  huatuo events --since 1h --filter 'tracer_data.victim.pid == 42'
                                                what happened to one process
  huatuo containers                             which containers there are, and who described them
  huatuo profile --container shop-web           what it does with its CPU time, as a flame graph
  huatuo list                                   which collectors there are, and which run on this kernel
  huatuo reload                                 put the changed configuration in force
  huatuo --collector.disable-defaults --collector.oom
                                                run one collector

Files:
  /etc/huatuo/huatuo.yaml    configuration; another: --config.file or $HUATUO_CONFIG_FILE
  /var/lib/huatuo/journal    documents, one directory for each tracer: TRACER/SEQUENCE.ndjson
  stderr                     the agent's own log
  http://127.0.0.1:19704     /metrics, /api/v1/status, /api/v1/containers, /-/healthy, /-/ready

Exit codes:
  0 stopped or done   1 failed   2 wrong command line   78 wrong configuration
`;

const OTHER_OPTIONS = `
Before or after it all options of huatuo may stand, such as --config.file: see huatuo --help.
`;

/**
 * Parses a command line in which every flag of `catalog` is known.
 * @param argv without node and script
 * @throws HuatuoError USAGE
 */
export function parseCommandLine(argv: readonly string[], catalog: Catalog): Invocation {
  let text = '';
  let invocation: Invocation | undefined;
  const program = createProgram(catalog, (parsed) => {
    invocation = parsed;
  });
  applyToAll(program, (command) =>
    command.exitOverride().configureOutput({
      writeOut: (chunk) => {
        text += chunk;
      },
      writeErr: () => {},
    }),
  );
  try {
    program.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) throw usage(error, program);
  }
  return invocation ?? { command: 'print', text };
}

/** What can be known before the collectors are. */
interface Peek {
  /** Undefined when the command line is wrong or asks for help. */
  readonly command: Invocation['command'] | undefined;
  readonly flags: ConfigFlags;
}

/**
 * What of the configuration must be known before the collectors, and with them their flags, can be: file and directories.
 * Takes any command line; its faults are found by `parseCommandLine`.
 */
export function peekCommandLine(argv: readonly string[]): Peek {
  let flags: ConfigFlags = { file: undefined, overrides: [], disableDefaults: false };
  let command: Invocation['command'] | undefined;
  const program = createProgram(createCatalog([]), (parsed) => {
    command = parsed.command;
    if ('flags' in parsed) flags = parsed.flags;
  });
  applyToAll(program, (command) =>
    command
      .exitOverride()
      .configureOutput({ writeOut: () => {}, writeErr: () => {} })
      .allowUnknownOption()
      .allowExcessArguments()
      .helpOption(false),
  );
  try {
    program.parse(
      argv.filter((argument) => !isCollectorFlag(argument)),
      { from: 'user' },
    );
  } catch (error) {
    if (!(error instanceof CommanderError || error instanceof HuatuoError)) throw error;
  }
  return { command, flags };
}

function createProgram(catalog: Catalog, done: (invocation: Invocation) => void): Command {
  const program = new Command('huatuo')
    .description(
      'Watches this Linux host through eBPF: kernel events and captures become documents in local files, ' +
        'measurements are served to Prometheus. Needs root. Without a command it runs.',
    )
    .showSuggestionAfterError(false)
    .configureHelp({ styleTitle: (title) => styleText('bold', title) })
    .version(formatVersion(version()), '--version', 'Print the version')
    .helpOption('-h, --help', 'Print this help')
    .helpCommand('help [command]', 'Print the help of a command')
    .addHelpText('after', EXAMPLES);
  addConfigFlags(program, catalog);
  const flags = () => configFlags(program, catalog);
  const output = (...formats: [string, string]) =>
    new Option('-o, --output <FORMAT>', 'What to print').choices(formats).default(formats[0]);

  program
    .command('run', { isDefault: true })
    .description('Run the agent in the foreground until SIGTERM or SIGINT')
    .action(() => done({ command: 'run', flags: flags() }));
  program
    .command('check')
    .description('Check a configuration and print every mistake in it')
    .addArgument(new Argument('[file]', 'instead of --config.file'))
    .addOption(
      new Option('--print', 'Print what is in force, with the origin of each value').conflicts([
        'schema',
        'default',
      ]),
    )
    .addOption(new Option('--schema', 'Print the JSON Schema of the file').conflicts(['default']))
    .addOption(new Option('--default', 'Print the default file, every key explained'))
    .addOption(
      new Option(
        '--elasticsearch',
        'Ask the server: which one it is, what would be set up there, what the user lacks',
      ).conflicts(['schema', 'default', 'print']),
    )
    .action((file: string | undefined, options: Record<string, unknown>) =>
      done({ command: 'check', flags: withFile(flags(), file), show: checkOutput(options) }),
    );
  program
    .command('list')
    .description('List the collectors: kind, whether they are enabled, and why one cannot run on this kernel')
    .addOption(output('table', 'json'))
    .action((options) => done({ command: 'list', flags: flags(), output: options.output }));
  program
    .command('events')
    .description('Show documents of the journal: what happened, oldest first')
    .option('--collector <NAME>', 'Only of this collector; may be repeated', collect, [])
    .option('--since <TIME>', 'From then on: 15m for that long ago, or 2026-11-22T19:49:44Z')
    .option('--until <TIME>', 'Until then')
    .option('--container <NAME>', 'Only of this container: name, host name, pod, or the beginning of its id')
    .option(
      '--filter <CONDITION>',
      'Only where it holds: tracer_data.victim.total_vm_bytes > 50MiB; && joins, may be repeated',
      collect,
      [],
    )
    .option('-f, --follow', 'Go on with what comes; begins with the newest unless --since is given')
    .addOption(output('table', 'json'))
    .action(({ collector, filter, follow = false, ...rest }) =>
      done({
        command: 'events',
        flags: flags(),
        events: { collectors: collector, filters: filter, follow, ...rest },
      }),
    );
  program
    .command('reload')
    .description('Tell the running agent to read its configuration again, and print what changed')
    .action(() => done({ command: 'reload', flags: flags() }));
  program
    .command('resend')
    .description('Send documents again that Elasticsearch has rejected, after the cause was removed')
    .action(() => done({ command: 'resend', flags: flags() }));
  program
    .command('containers')
    .description(
      'List the containers that the running agent knows; without an agent, those that can be seen now',
    )
    .addOption(output('table', 'json'))
    .action((options) => done({ command: 'containers', flags: flags(), output: options.output }));
  program
    .command('profile')
    .description(
      'Take a profile of the host, a container, a systemd unit or a process, and write it as a flame graph',
    )
    .option('--container <NAME>', 'Of this container: name, host name, pod, or the beginning of its id')
    .addOption(
      new Option('--unit <NAME>', 'Of this systemd unit, as systemctl shows it').conflicts('container'),
    )
    .addOption(
      new Option('--pid <PID>', 'Of this process, with all its threads').conflicts(['container', 'unit']),
    )
    .addOption(
      new Option('--host', 'Of the host, which is the default').conflicts(['container', 'unit', 'pid']),
    )
    .addOption(new Option('--off-cpu', 'Where tasks wait, instead of what runs'))
    .addOption(new Option('--alloc', 'Where memory comes into use: page faults').conflicts('offCpu'))
    .addOption(new Option('--block', 'Where tasks wait for I/O').conflicts(['offCpu', 'alloc']))
    .option('--duration <TIME>', 'How long', '10s')
    .option('--hz <NUMBER>', 'How often each CPU is looked at, a second', '99')
    .option(
      '-o, --output <FILE>',
      'Where it is written, over what is there; the end of the name says as what',
      'flame.html',
    )
    .addHelpText('after', PROFILE_EXAMPLES)
    .action((profile) => done({ command: 'profile', flags: flags(), profile }));
  program
    .command('unpin')
    .description('Remove what pinned collectors have left running in the kernel')
    .addArgument(new Argument('[directory]', 'instead of bpf.pin_directory'))
    .action((directory: string | undefined) => done({ command: 'unpin', flags: flags(), directory }));
  program
    .command('build')
    .description('Build a directory with collectors of your own, C and TypeScript; for --path.collectors')
    .addArgument(new Argument('<directory>', 'with *.bpf.c, *.ts, *.js'))
    .requiredOption('--out <DIR>', 'Where the result goes')
    .action((directory: string, { out }: { out: string }) => done({ command: 'build', directory, out }));
  program
    .command('version')
    .description('Print the version of agent, Node and kernel')
    .addOption(output('text', 'json'))
    .action((options) => done({ command: 'version', output: options.output }));
  for (const command of program.commands) command.addHelpText('after', OTHER_OPTIONS);
  return program;
}

function collect(value: string, values: readonly string[]): readonly string[] {
  return [...values, value];
}

function checkOutput(options: Record<string, unknown>): CheckOutput {
  if (options.print) return 'effective';
  if (options.schema) return 'schema';
  if (options.elasticsearch) return 'elasticsearch';
  return options.default ? 'default' : 'summary';
}

function withFile(flags: ConfigFlags, file: string | undefined): ConfigFlags {
  if (file === undefined) return flags;
  if (flags.file === undefined) return { ...flags, file };
  throw new HuatuoError('USAGE', {
    expected: 'one configuration file',
    found: `${file} beside --config.file ${flags.file}`,
    remedy: 'leave one of them out',
  });
}

function applyToAll(program: Command, apply: (command: Command) => void): void {
  for (const command of [program, ...program.commands]) apply(command);
}

/**
 * Commander's words, with suggestions of our own: its own take the value of `--flag=value` for a part of the name. `run`
 * is the default command, so to commander a misspelt command is one argument too many for it.
 */
function usage(error: CommanderError, program: Command): HuatuoError {
  const commands = program.commands.map((command) => command.name());
  const flags = [program, ...program.commands].flatMap(({ options }) =>
    options.flatMap(({ long }) => long ?? []),
  );
  const [, option, value] = /^error: unknown option '([^'=]*)(=[^']*)?/.exec(error.message) ?? [];
  if (option !== undefined && value !== undefined && flags.includes(option))
    return mistake(
      `a value for '${printable(option)}', which takes none`,
      option.replace(/^--(?:no-)?/, '--no-'),
    );
  if (option !== undefined) return mistake(`unknown option '${printable(option)}'`, nearest(option, flags));
  // `huatuo nosuch`, `huatuo help nosuch`
  const word = error.code === 'commander.help' ? program.args.at(-1) : program.args[0];
  const isMisplaced = ['commander.excessArguments', 'commander.help'].includes(error.code);
  if (isMisplaced && word !== undefined && !commands.includes(word)) {
    return mistake(`unknown command '${printable(word)}'`, nearest(word, commands));
  }
  const command = commands.find((name) => name === program.args[0]);
  return mistake(printable(error.message.replace(/^error: |\.$/g, '')), undefined, command);
}

/** @param command whose help tells of it, when that is known */
function mistake(found: string, suggestion?: string, command?: string): HuatuoError {
  const help = command === undefined ? 'huatuo --help' : `huatuo ${command} --help`;
  const remedy = suggestion === undefined ? `see ${help}` : `did you mean ${suggestion}? See ${help}`;
  return new HuatuoError('USAGE', { found, remedy });
}
