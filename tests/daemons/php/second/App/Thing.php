<?php

namespace App;

class Thing extends Base
{
    public function name(): string
    {
        return parent::name() . ' thing';
    }
}
