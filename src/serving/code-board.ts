import type { SharingServer, ShownCode } from '#sharing/server.js';
import type { View } from '#src/view/view.js';

/** Shows the code of a server, and each that takes its place. */
export interface CodeBoard extends Disposable {
  readonly onCode: (shown: ShownCode | undefined) => void;
  /** Shows a code, and from then on a new one whenever it was used or is too old. */
  show(server: SharingServer): void;
}

export function codeBoard(view: View): CodeBoard {
  let timer: NodeJS.Timeout | undefined;
  let renew: () => void = () => undefined;
  return {
    onCode(shown) {
      clearTimeout(timer);
      if (!shown) {
        renew();
        return;
      }
      timer = setTimeout(renew, shown.expires - Date.now());
      timer.unref();
    },
    show(server) {
      renew = () => {
        const { code, expires } = server.newCode(1);
        view.show({ event: 'code', code, expires: new Date(expires).toISOString() });
      };
      renew();
    },
    [Symbol.dispose]: () => {
      clearTimeout(timer);
    },
  };
}
