-- What a user without the plugin would write: logfmt in MESSAGE becomes fields with
-- the prefix kata_, without types, time, and unpacking of what a guest wrote.
local escapes = { n = "\n", r = "\r", t = "\t" }

local function unquote(c)
    return escapes[c] or c
end

function parse(tag, timestamp, record)
    local text = record["MESSAGE"]
    if type(text) ~= "string" then
        return 0, timestamp, record
    end
    local at, length = 1, #text
    while at <= length do
        local _, stop, key = text:find("^%s*([^=]+)=", at)
        if not key then
            break
        end
        at = stop + 1
        local value
        if text:byte(at) == 34 then
            local close = at + 1
            local c = text:byte(close)
            while c and c ~= 34 do
                if c == 92 then close = close + 1 end
                close = close + 1
                c = text:byte(close)
            end
            value = text:sub(at + 1, close - 1)
            if value:find("\\", 1, true) then
                value = value:gsub("\\(.)", unquote)
            end
            at = close + 1
        else
            _, stop, value = text:find("^(%S*)", at)
            at = stop + 1
        end
        record["kata_" .. key] = value
    end
    return 2, timestamp, record
end
