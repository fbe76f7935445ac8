"""The words of the sample's world: people, towns and things, all invented."""

from __future__ import annotations

FIRST_NAMES = tuple(
    "Ada Anaïs André Beatriz Björn Bruno Camille Cecília Chloé Clara Dávid Dora Edgar Eléna Émile Erik "
    "Esther Fabian Felix Fiona François Freya Gábor Gita Greta Günter Hana Hélène Hugo Ines Irma Ivan "
    "Jakob Jana José Judith Karim Kirsten Lars Lena Léo Lucía Luka Magnus Márta Mehmet Mila Nadia Noël "
    "Nora Olga Oscar Paula Petra Piotr Renée Rosa Samir Sören Tamás Tilda Ursula Viktor Wanda Yara Zoë".split()
)
SURNAME_STARTS = tuple(
    "Al Bar Bel Bran Cal Cor Dal Del Dun El Far Fen Gal Gor Hal Har Hol Jor Kal Kes Lam Lor Mal Mor "
    "Nar Nor Ol Or Pal Per Quin Ral Ros Sal Ser Tal Tor Ul Val Ven Wal Win Yor Zan".split()
)
SURNAME_MIDDLES = tuple("a an e en é i in o on ó ur".split())
SURNAME_ENDS = tuple(
    "berg bert by dar dén dez don fi gan hardt kis kov lan lén lo mann mark mir nek ner nova quist "
    "rado rin rós sen sky son strøm ta tei ton vári vik wick ý zek".split()
)
# What facts are told of; each is one entry of the vocabulary, and occurs once in a paragraph.
THINGS = tuple(
    "anchor anvil apron axe barrel basin basket bellows bench blanket boat book boot bottle bowl "
    "bracelet bridle broom bucket buckle button cabinet candle cane canoe carpet cart cask chain chair "
    "chest chisel cloak clock coat coin comb cradle crate crown cup curtain cushion dagger desk "
    "diary doll door dress drill easel engine fan feather fence fiddle flag flask fork frame "
    "funnel furnace gate glove goblet grinder hammer hammock harness harp hat hatchet helmet hinge hook "
    "jar jug kettle key kite knife ladder ladle lamp lever lock loom map mask mast mill "
    "mug nail necklace needle net oar oven paddle pan pencil pipe pistol plate plough pot press "
    "pulley pump quilt rake raft razor ribbon ring robe rope rudder rug saddle sail saw scale scarf "
    "scissors scroll shawl shield shovel sickle sieve sled spade spear spoon stamp statue stove string "
    "sundial sword table tent thimble ticket tile tool torch towel tray trunk vase veil violin wagon "
    "wallet wheel whistle wig windmill wrench".split()
)
TOWN_STARTS = tuple(
    "Amber Ash Birch Black Brook Cedar Clay Cliff Copper Dove Eagle East Elder Ember Fern Flint Fox "
    "Glen Gold Grey Haven Hazel Iron Kings Lake Linden Maple Marsh Mill Moss North Oak Otter Pine Raven "
    "Red Sand Silver Stone Summer Swan Thorn West White Wolf Wren".split()
)
TOWN_ENDS = tuple(
    "bridge burg bury castle dale fell field ford gate ham haven mere minster mouth port shire stead "
    "ville well wood".split()
)
TOWN_FIRST_WORDS = ("Port", "Saint", "New", "Old", "Upper", "Lower")
TOWN_TAILS = ("-on-Sea", "-under-Hill", " Bay", " Heights")

PROFESSIONS = tuple(
    "baker|barber|bookbinder|bridge builder|carpenter|chemist|clockmaker|court clerk|dentist|factory nurse|"
    "fisherman|gardener|glass painter|harbour pilot|judge|lacemaker|land surveyor|lighthouse keeper|"
    "locksmith|map-maker|metalworker|night porter|photographer|potter|railway guard|sailmaker|"
    "schoolteacher|ship's cook|shoemaker|stage designer|stonemason|tailor|telegraph operator|"
    "train driver|translator|veterinarian|watchmaker|weather observer|well-digger|zookeeper".split("|")
)
INSTRUMENTS = tuple(
    "accordion|alto flute|bagpipes|banjo|bass clarinet|bassoon|cello|concertina|double bass|dulcimer|"
    "French horn|glockenspiel|guitar|harmonica|harpsichord|hurdy-gurdy|kettledrum|mandolin|marimba|oboe|"
    "pipe organ|recorder|saxophone|snare drum|steel guitar|tambourine|trombone|trumpet|tuba|ukulele|"
    "viola|xylophone".split("|")
)
SUBJECTS = tuple(
    "algebra|applied physics|astronomy|botany|civil law|crystallography|economics|folk music|forestry|"
    "geology|Greek grammar|hydraulics|Latin poetry|linguistics|marine biology|mathematics|medicine|"
    "metallurgy|mineralogy|naval history|organic chemistry|palaeontology|philosophy|public health|"
    "rhetoric|statistics|theology|town planning|zoology".split("|")
)
DISHES = tuple(
    "almond cake|apple dumplings|baked trout|barley broth|beetroot salad|cheese soufflé|chestnut purée|"
    "cinnamon rolls|crème brûlée|fish-and-potato pie|gingerbread|goulash|jalapeño stew|lemon tart|"
    "lentil soup|mushroom risotto|onion soup|paprika chicken|pea soup|plum jam|poppy-seed cake|"
    "pumpkin bread|rice pudding|roast duck|saffron rice|sauerkraut|smoked eel|stuffed peppers|"
    "turnip mash|walnut cake".split("|")
)
FIRM_TAILS = (" & Sons", " & Daughters", " Brothers", " Works", " Shipping", " Mills", " Press", "-Werke")
TITLE_FIRST = tuple("The|A|My|Our|No|That|One|Another".split("|"))
TITLE_MIDDLE = tuple(
    "Silent|Broken|Distant|Hidden|Painted|Frozen|Golden|Empty|Second|Borrowed|Crooked|Sleeping".split("|")
)
TITLE_LAST = tuple(
    "Harbour|Lantern|Orchard|Staircase|River|Winter|Garden|Compass|Island|Letter|Mirror|Window|Bell".split("|")
)
FILLERS = (
    "Nothing else was kept; the rest was sent to the town hall.",
    "The archive keeps no other letter of that time.",
    "Nothing else is certain; the parish register was lost.",
    "Visitors often ask about it.",
    "Some of this is disputed, though not by the neighbours.",
    "“It was a good year,” the almanac says.",
    "(The spelling of the names varies.)",
    "A copy hangs in the town hall – or used to.",
    "The rest is rumour, half-truth and well-meant invention!",
)
FILLER_VERBS = tuple(
    "hung above|leaned on|looked older than|lay behind|was larger than|was often mistaken for|was painted like|"
    "was tied to|stood near|matched|rested on|was shown with".split("|")
)
OPENERS = (
    "According to the parish register, ",
    "By all accounts, ",
    "It is well known that ",
    "In those days ",
    "As the letters show, ",
    "Oddly enough, ",
)
CLOSERS = (", as far as anyone knows", ", or so the story goes", "; nobody was surprised", " (see the appendix)")
ASIDES = (" itself", ", it seems,", " (or half of it)", ", of all things,")
