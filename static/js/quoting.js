// Words that were marked in the document go along to a new comment about them.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-quote]");
  const words = String(getSelection()).trim();
  if (!link || !words || !link.closest(".sect")?.contains(getSelection().anchorNode)) return;
  const where = new URL(link.href);
  where.searchParams.set("quote", words.slice(0, 300));
  link.href = where;
});
