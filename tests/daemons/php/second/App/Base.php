<?php

namespace App;

class Base
{
    public function name(): string
    {
        return 'base';
    }
}
