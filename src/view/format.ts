const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** Bytes for people: "0 B", "1.5 KiB", "12 MiB". */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.5 ? 0 : 1;
  return `${value.toFixed(digits).replace(/\.0$/, '')} ${units[unit] ?? ''}`;
}

/** Milliseconds for people: "4 s", "3 min 20 s", "2 h 5 min". */
export function durationText(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The same for a time that is only guessed at: the longer, the rounder. */
export function leftText(milliseconds: number): string {
  const step = milliseconds < 60_000 ? 1000 : milliseconds < 600_000 ? 10_000 : 60_000;
  return durationText(Math.round(milliseconds / step) * step).replace(/ 0 s$/, '');
}

/** Microseconds since 1970 as local time: "2026-11-20 19:22". */
export function timeText(microseconds: number): string {
  const date = new Date(microseconds / 1000);
  if (Number.isNaN(date.getTime())) return '?';
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** The same to the second, with what the clock there is ahead of UTC: "2026-11-20 19:22:31 +0100". */
export function fullTimeText(microseconds: number): string {
  const date = new Date(microseconds / 1000);
  if (Number.isNaN(date.getTime())) return '?';
  const two = (value: number): string => String(value).padStart(2, '0');
  const ahead = -date.getTimezoneOffset();
  const zone = `${two(Math.floor(Math.abs(ahead) / 60))}${two(Math.abs(ahead) % 60)}`;
  return `${timeText(microseconds)}:${two(date.getSeconds())} ${ahead < 0 ? '-' : '+'}${zone}`;
}

/** An ISO 8601 time as the local time of day: "19:22". */
export function clockText(iso: string): string {
  return timeText(Date.parse(iso) * 1000).slice(-5);
}

/** Microseconds since 1970 as ISO 8601 UTC; null for a time that no calendar has. */
export function isoTime(microseconds: number): string | null {
  const date = new Date(microseconds / 1000);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

/** `host:port`, with brackets around an IPv6 address. */
export function placeText(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
