"""Countries and the people in them as one name: what holds "in Ireland" holds for "Irish customers"."""

from __future__ import annotations

_TABLE = """
uk: uk | united kingdom | britain | great britain | british | gb
ireland: ireland | irish | republic of ireland | ie
northern ireland: northern ireland | northern irish
usa: usa | us | united states | american
eu: eu | european union | european
australia: australia | australian
austria: austria | austrian
belgium: belgium | belgian
canada: canada | canadian
china: china | chinese
denmark: denmark | danish
finland: finland | finnish
france: france | french
germany: germany | german
greece: greece | greek
india: india | indian
italy: italy | italian
japan: japan | japanese
netherlands: netherlands | dutch | holland
new zealand: new zealand
norway: norway | norwegian
poland: poland | polish
portugal: portugal | portuguese
scotland: scotland | scottish
spain: spain | spanish
sweden: sweden | swedish
switzerland: switzerland | swiss
turkey: turkey | turkish
wales: wales | welsh
england: england | english
"""

REGIONS: dict[str, str] = {
    name.strip(): region.strip()
    for line in _TABLE.strip().splitlines()
    for region, _, names in [line.partition(":")]
    for name in names.split("|")
}
"""Names in small letters, without full stops, to the one name of their region."""
