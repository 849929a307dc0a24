/** Soft lockups: documents and counters come straight from bpf/softlockup.bpf.c. */
import { softlockup } from '../../generated/softlockup.ts';
import { type Collector, defineEvent } from '../../sdk/index.ts';

const collector: Collector = defineEvent({
  object: softlockup,
  doc: 'Shows CPUs that are stuck in the kernel: on what, whose it is, and for how long.',
});
export default collector;
