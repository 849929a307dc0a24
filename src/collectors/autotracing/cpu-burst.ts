/** A burst of CPU use: a part of it is beyond a limit, and has grown by more than another. */

type Limits<Part extends string> = Readonly<Record<`${Part}_percent` | `${Part}_percent_delta`, number>>;

/** What a document says of a part of CPU use: how much it is, its growth, and the limits of both. */
type BurstFields<Part extends string> = Limits<Part> &
  Readonly<Record<`${Part}_percent_threshold` | `${Part}_percent_delta_threshold`, number>>;

/**
 * @param part first word of the options and of the fields
 * @param percent before and now
 */
export function judgeBurst<Part extends string>(
  part: Part,
  [before, now]: readonly [before: number, now: number],
  limits: Limits<Part>,
): { readonly isBurst: boolean; readonly fields: BurstFields<Part> } {
  const [percent, delta] = [rounded(now), rounded(now - before)];
  const threshold = limits[`${part}_percent`];
  const deltaThreshold = limits[`${part}_percent_delta`];
  const fields: Record<string, number> = {
    [`${part}_percent`]: percent,
    [`${part}_percent_threshold`]: threshold,
    [`${part}_percent_delta`]: delta,
    [`${part}_percent_delta_threshold`]: deltaThreshold,
  };
  return {
    isBurst: percent > threshold && delta > deltaThreshold,
    fields: fields as BurstFields<Part>,
  };
}

/** To the digits of the document, so that it never shows what contradicts its limit. */
function rounded(percent: number): number {
  return Math.round(percent * 10) / 10;
}
