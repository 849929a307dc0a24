/** The parts of the soak that are about autotracers: what of their reports goes into the table. */
import type { Row } from '../bench/report.ts';
import type { SoakOptions } from './parts.ts';
import { stayQuiet } from './quiet.ts';
import { getIntoTroubles } from './troubles.ts';

/** The longest window of an autotracer is full after 10 min. */
const QUIET_MINUTES = 20;
/** Of its CPU time, what a quiet host uses at most, the agent included. */
const QUIET_PERCENT = 15;

export async function quiet({ minutes = QUIET_MINUTES, progress }: SoakOptions): Promise<Row[]> {
  const { tracers, mean_percent, most_percent } = await stayQuiet(minutes, progress);
  const isQuiet = mean_percent <= QUIET_PERCENT;
  const host = `CPU ${mean_percent.toFixed(0)} % on average, ${most_percent.toFixed(0)} % in the busiest minute`;
  return [
    {
      name: `quiet for ${minutes} min, the host`,
      measured: isQuiet ? host : `${host}: a document may be of what it did`,
      verdict: 'info',
    },
    ...tracers.map(({ tracer, samples, failed_samples, window, subjects }): Row => {
      const judged = Math.max(0, samples - window + 1);
      const about = subjects.length > 0 ? ` (${subjects.join(', ')})` : '';
      return {
        name: `quiet for ${minutes} min, ${tracer}`,
        measured: `${subjects.length} documents${about}; ${samples} samples, ${failed_samples} failed, ${judged} with a full window`,
        goal: '0 documents',
        verdict: verdictOf(subjects.length, judged, isQuiet),
      };
    }),
  ];
}

export async function troubles({ progress }: SoakOptions): Promise<Row[]> {
  const reports = await getIntoTroubles(progress);
  return reports.map(({ trouble, tracer, documents, namesCulprit, hottest, framed, lean, beside }) => {
    const culprit = namesCulprit ? 'names the culprit' : 'does not name the culprit';
    const besides = beside.length > 0 ? `; beside it ${beside.join(', ')}` : '';
    const isShown = namesCulprit && documents === 1 && [framed, lean].every((one) => one === hottest);
    return {
      name: `troubles, ${trouble}`,
      measured: `${tracer}: ${documents} documents, ${culprit}; hottest function with frame pointers ${framed}, without ${lean}${besides}`,
      goal: `1 document, ${hottest}`,
      verdict: isShown ? 'met' : 'missed',
    };
  });
}

/** On a host that is at work a document says nothing against the tracer; it was printed with what the host did. */
function verdictOf(documents: number, judged: number, isQuiet: boolean): Row['verdict'] {
  if (documents > 0) return isQuiet ? 'missed' : 'info';
  return judged > 0 ? 'met' : 'skipped';
}
