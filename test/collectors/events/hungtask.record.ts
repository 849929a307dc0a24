/** Records what hungtask.test.ts replays. By hand and as root, when the struct has changed: HUATUO_RECORD=1. */

import { CollectorHarness } from '../../support/collector-harness.ts';
import { eventually } from '../../support/eventually.ts';
import { FrozenDisk } from '../../support/frozen-disk.ts';
import { record } from '../../support/ring-recording.ts';
import { withSysctls } from '../../support/undo.ts';

await using hungtask = await CollectorHarness.load('hungtask', {
  options: { max_events_per_second_per_cpu: 1 },
});
await using disk = await FrozenDisk.make();
await disk.writer('frozen');
await using _impatient = withSysctls({
  'kernel/hung_task_warnings': 0,
  'kernel/hung_task_check_interval_secs': 1,
  'kernel/hung_task_timeout_secs': 1,
});
await eventually('a report of the hang', () => hungtask.records().length > 0);
await disk.writer('a"b\\n\\033[31m');
await (await hungtask.ctx.bpf.load()).iterate('waiting_tasks');
record('hungtask', hungtask.records());
