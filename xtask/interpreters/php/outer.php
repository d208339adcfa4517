<?php
asked(__FILE__);

require_once __DIR__ . "/inner.php";
