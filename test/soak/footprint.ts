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
