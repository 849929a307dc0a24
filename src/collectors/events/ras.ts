/** Errors of the hardware: the event of bpf/ras.bpf.c, with the reasons of a PCI Express error by name. */
import { ras } from '../../generated/ras.ts';
import { type Collector, defineEvent, keyword, list, optional, struct } from '../../sdk/index.ts';
import { aerReasons } from './ras-aer.ts';

const collector: Collector = defineEvent({
  object: ras,
  doc: 'Shows errors of the hardware: of CPUs, memory, PCI Express and what firmware reports.',
  document: {
    aer: optional(struct({ err_reason: list(keyword(''), 'What the bits of status mean, each of them') })),
  },
  enrich({ aer, ...event }) {
    if (!aer) return undefined;
    return { ...event, aer: { ...aer, err_reason: aerReasons(aer.status, aer.severity) } };
  },
});
export default collector;
