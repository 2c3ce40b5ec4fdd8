-- Nobody who is past their end is left when the script goes on. Where there were too many for one
-- script, it is called again.
if (now >= ends_from or terms.comeback_until) and settle(CHUNK) == CHUNK then
  return { 'again', now }
end
