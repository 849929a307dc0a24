/** The services of the agent, in the order of their start. They are stopped in the reverse order. */
import { containers } from './containers.ts';
import { elasticsearch } from './elasticsearch.ts';
import { journal } from './journal.ts';
import { prometheus } from './prometheus.ts';
import type { ServiceFactory } from './service.ts';

export const SERVICES: readonly ServiceFactory[] = [containers, journal, prometheus, elasticsearch];
