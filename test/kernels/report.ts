/** What a guest finds out, and the table of it. */

/**
 * ok: a document or value was held against what the kernel itself says; runs: it is up and answers scrapes, and nothing was
 * provoked; unsupported: the agent says why; wrong: neither.
 */
export interface Finding {
  readonly result: 'ok' | 'runs' | 'unsupported' | 'wrong';
  /** What was compared, what is left out, why not. */
  readonly note?: string;
}

export interface GuestReport {
  readonly kernel: string;
  readonly systemd: string;
  /** By collector, in the order of the catalog. */
  readonly collectors: Readonly<Record<string, Finding>>;
  /** What is asked of the service, by the name of the step. */
  readonly service: Readonly<Record<string, Finding>>;
}

/** @param command that made it */
export function renderReports(command: string, reports: readonly GuestReport[]): string {
  const notes: string[] = [];
  const cell = (finding: Finding | undefined): string => {
    if (!finding) return 'not tried';
    if (!finding.note) return finding.result;
    let at = notes.indexOf(finding.note);
    if (at < 0) at = notes.push(finding.note) - 1;
    return `${finding.result} (${at + 1})`;
  };
  const table = (title: string, of: (report: GuestReport) => Readonly<Record<string, Finding>>): string => {
    const names = [...new Set(reports.flatMap((report) => Object.keys(of(report))))];
    const rows = names.map((name) => [`\`${name}\``, ...reports.map((report) => cell(of(report)[name]))]);
    const lines = [[title, ...reports.map(({ kernel }) => kernel)], reports.map(() => '---'), ...rows];
    lines[1]!.unshift('---');
    return lines.map((row) => `| ${row.join(' | ')} |`).join('\n');
  };
  const service = table('service', (report) => report.service);
  const collectors = table('collector', (report) => report.collectors);
  return `# Kernels

Each kernel was booted in an emulated machine with systemd ${reports[0]?.systemd} and cgroup v2 only, and the agent was started there by
\`packaging/huatuo.service\`. This page is what that command has written:

    ${command}

**ok**: a document or value agreed with the kernel's own log and files. **runs**: the collector is up and answers scrapes; nothing was
provoked. **unsupported**: \`huatuo list\` says why. **wrong**: anything else.

${service}

${collectors}

${notes.map((note, at) => `${at + 1}. ${note.replaceAll(/\s+/g, ' ')}`).join('\n')}
`;
}
