-- Nobody who is past their end is left when the script goes on. Where there were too many for one
-- script, it is called again.
if settle(CHUNK) == CHUNK then
  return { 'again', now }
end
