from asked import asked

asked(__file__)
import inner
