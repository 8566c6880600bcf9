// What contents cost in either store, as extension/content/src/store/cost.rs has it; a test compares the two. It is a plain script, so
// that the calculator works from a file, and the page of lambda-local imports it too.

globalThis.cost = (() => {
  const WRITE_UNIT = 0.625e-6, READ_UNIT = 0.125e-6, TABLE_MONTH = 0.25;
  const PUT = 0.005 / 1000, GET = 0.0004 / 1000, BUCKET_MONTH = 0.023;
  const KIB = 1024, MIB = 1024 * KIB, GB = 1024 * MIB;
  const ITEM = 160, PART = 400 * KIB - ITEM;
  const UPLOAD_PART = 8 * MIB, WORTH_A_LOOK = MIB, RANGE = 4 * MIB;

  /** Units of `size` bytes that the items of a content take, each rounded up by itself. */
  function units(stored, size) {
    const whole = (content) => Math.ceil((content + ITEM) / size);
    const parts = Math.floor(stored / PART), rest = stored % PART;
    const last = rest > 0 || parts === 0 ? whole(rest) : 0;
    return last + parts * whole(PART) + (stored > PART ? 1 : 0);
  }

  /** USD for storing a content of `stored` bytes once, in "dynamodb" or "s3". */
  function write(store, stored) {
    if (store === "dynamodb") return WRITE_UNIT * units(stored, KIB);
    if (stored > UPLOAD_PART) return GET + PUT * (2 + Math.ceil(stored / UPLOAD_PART));
    return stored > WORTH_A_LOOK ? GET + PUT : PUT;
  }

  /** USD for reading it once. */
  function read(store, stored) {
    return store === "dynamodb" ? (READ_UNIT / 2) * units(stored, 4 * KIB) : GET * Math.max(1, Math.ceil(stored / RANGE));
  }

  /** USD for keeping it a month. */
  function month(store, stored) {
    return store === "dynamodb" ? (TABLE_MONTH * (stored + ITEM)) / GB : (BUCKET_MONTH * stored) / GB;
  }

  /** The most bytes that cost no more in the table, written once, read once and kept for a day. */
  function crossover() {
    const day = (store, stored) => write(store, stored) + read(store, stored) + month(store, stored) / 30;
    let most = 0;
    for (let next = KIB - ITEM; day("dynamodb", next) <= day("s3", next); next += KIB) most = next;
    return most;
  }

  return { write, read, month, crossover };
})();
