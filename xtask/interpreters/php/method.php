<?php
asked(__FILE__);
