import type { SharingServer, ShownCode } from '#sharing/server.js';
import type { View } from '#src/view/view.js';

/** Shows the code of a server, and each that takes its place. */
export interface CodeBoard extends Disposable {
  readonly onCode: (shown: ShownCode | undefined) => void;
  /** Shows a code, and from then on a new one whenever it was used or is too old. */
  show(server: Pick<SharingServer, 'newCode'>): void;
}

export function codeBoard(view: Pick<View, 'show' | 'note'>): CodeBoard {
  let timer: NodeJS.Timeout | undefined;
  let renew: () => void = () => undefined;
  let isRenewing = false;
  /** The code that stands on the screen is good. */
  let stands = false;
  return {
    onCode(shown) {
      clearTimeout(timer);
      if (!shown) {
        renew();
        return;
      }
      if (stands && !isRenewing) {
        stands = false;
        view.note('the code above is void now: lanpost pair made another');
      }
      timer = setTimeout(renew, shown.expires - Date.now());
      timer.unref();
    },
    show(server) {
      renew = () => {
        isRenewing = true;
        const { code, expires } = server.newCode(1);
        isRenewing = false;
        stands = true;
        view.show({ event: 'code', code, expires: new Date(expires).toISOString() });
      };
      renew();
    },
    [Symbol.dispose]: () => {
      clearTimeout(timer);
    },
  };
}
