/** A host without containers, for tests that are about something else. */
import type { ContainersDocument } from '../../src/containers/document.ts';

export const NO_CONTAINERS: ContainersDocument = {
  containers: [],
  status: {
    containers: 0,
    units: 0,
    units_with_series: 0,
    refused_units: 0,
    gone: 0,
    followed_by: 'tracepoints',
    refused_cgroups: 0,
    questions: 0,
    unknown: 0,
    sources: [],
  },
};
