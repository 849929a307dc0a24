/** What a process holds, as /proc tells it, and how that changes. */
import { readdirSync, readFileSync } from 'node:fs';

export interface Footprint {
  readonly resident_bytes: number;
  readonly anonymous_bytes: number;
  readonly fds: number;
  readonly threads: number;
}

export function footprint(pid: number): Footprint {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  return {
    resident_bytes: 1024 * field('VmRSS'),
    anonymous_bytes: 1024 * field('RssAnon'),
    fds: readdirSync(`/proc/${pid}/fd`).length,
    threads: field('Threads'),
  };
}

/** Least squares through points (x, y). @returns y per x; NaN for fewer than two points */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (axis: 0 | 1): number => points.reduce((sum, point) => sum + point[axis], 0) / points.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  const covariance = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return covariance / points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}

export interface Trend {
  readonly slope: number;
  /** Standard error of the slope: what is within two of it may be chance. */
  readonly error: number;
}

/**
 * The slope with its noise. What neighbouring residuals have in common (garbage that comes and goes in minutes) makes them fewer
 * than they are: the error is widened by their correlation at lag one, as for an autoregressive process of first order.
 */
export function trend(points: readonly (readonly [x: number, y: number])[]): Trend {
  const rate = slope(points);
  const mean = (axis: 0 | 1): number => points.reduce((sum, point) => sum + point[axis], 0) / points.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  const residuals = points.map(([x, y]) => y - meanY - rate * (x - meanX));
  const squares = residuals.reduce((sum, one) => sum + one * one, 0);
  const lagged = residuals.reduce((sum, one, index) => sum + one * (residuals[index - 1] ?? 0), 0);
  const correlation = squares === 0 ? 0 : Math.min(Math.max(lagged / squares, 0), 0.99);
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const independent = Math.sqrt(squares / (points.length - 2) / spread);
  return { slope: rate, error: independent * Math.sqrt((1 + correlation) / (1 - correlation)) };
}

/**
 * The one slope of several groups of points, each about a mean of its own: what grows within lives of a process, whatever
 * each began with.
 */
export function slopeWithin(groups: readonly (readonly (readonly [x: number, y: number])[])[]): number {
  const centred = groups.flatMap((points) => {
    const mean = (axis: 0 | 1): number => points.reduce((sum, point) => sum + point[axis], 0) / points.length;
    const [meanX, meanY] = [mean(0), mean(1)];
    return points.map(([x, y]) => [x - meanX, y - meanY] as const);
  });
  return slope(centred);
}
