// What a drop or a paste brings.

const OURS = /^\/pictures\/([\w-]+)$/;

/** The first picture among its files. */
export const imageOf = (transfer) => [...(transfer?.files ?? [])].find(({ type }) => type.startsWith("image/"));

/** The id of a picture of ours that is dragged from the page, or "". */
export function idOf(transfer) {
  const url = transfer.getData("text/uri-list").split("\n")[0];
  const { origin, pathname } = URL.canParse(url) ? new URL(url) : {};
  return origin === location.origin ? (pathname.match(OURS)?.[1] ?? "") : "";
}
