/**
 * What is known now, or will be. Of ten thousand small files nearly everything is known at once, and a promise for each
 * step of each would cost more than the files.
 */
export type Soon<T> = T | Promise<T>;

/** Goes on at once, or as soon as `value` is known. */
export function after<T, U>(value: Soon<T>, work: (value: T) => Soon<U>): Soon<U> {
  return value instanceof Promise ? value.then(work) : work(value);
}
