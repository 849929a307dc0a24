/** The calendar, for the envelope. UTC, years 1970 to 2554: all that 64 bits of nanoseconds can say. */

const DASH: u32 = 0x2d;
const COLON: u32 = 0x3a;

@inline
function twoDigits(o: usize, n: u32): void {
  const tens = n / 10;
  store<u16>(o, (0x3030 + tens) | ((n - tens * 10) << 8));
}

/**
 * Writes `YYYY-MM-DD`, the separator and `hh:mm:ss`: 19 bytes.
 * @param second since the epoch
 * Days become a date in years that start in March, so that the leap day is a year's last:
 * https://howardhinnant.github.io/date_algorithms.html#civil_from_days
 */
export function dateAndTime(o: usize, second: u64, separator: u32): void {
  const days = <u32>(second / 86_400) + 719_468; // since 0000-03-01
  const era = days / 146_097; // 400 years
  const dayOfEra = days % 146_097;
  const yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365;
  const dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
  const monthFromMarch = (5 * dayOfYear + 2) / 153;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0);
  const secondOfDay = <u32>(second % 86_400);

  twoDigits(o, year / 100);
  twoDigits(o + 2, year % 100);
  store<u8>(o, DASH, 4);
  twoDigits(o + 5, month);
  store<u8>(o, DASH, 7);
  twoDigits(o + 8, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1);
  store<u8>(o, separator, 10);
  twoDigits(o + 11, secondOfDay / 3600);
  store<u8>(o, COLON, 13);
  twoDigits(o + 14, (secondOfDay / 60) % 60);
  store<u8>(o, COLON, 16);
  twoDigits(o + 17, secondOfDay % 60);
}
