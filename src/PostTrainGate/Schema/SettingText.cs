using System.Collections;
using System.Globalization;
using System.Text.Json.Nodes;
using PostTrainGate.Foundation;

namespace PostTrainGate.Schema;

/// <summary>Values of keys as a policy would write them, for a process that reads them again.</summary>
internal static class SettingText
{
    /// <summary>Every value by the name of its key: text, or a list of texts.</summary>
    public static JsonObject Write(SettingValues values)
    {
        var written = new JsonObject();
        foreach (var name in values.Names)
            written[name] = Node(values[name]);
        return written;
    }

    /// <summary>The values that <see cref="Write"/> wrote.</summary>
    /// <param name="written">By the name of the key.</param>
    /// <param name="keys">Keys that there may be.</param>
    /// <param name="catalog">What values may name.</param>
    /// <exception cref="InvalidDataException">A value does not fit its key.</exception>
    public static SettingValues Read(JsonObject written, IEnumerable<Key> keys, ICatalog catalog)
    {
        var context = new ReadContext("/", catalog);
        return keys.Where(k => written.ContainsKey(k.Name))
            .Aggregate(SettingValues.None, (values, key) =>
                values.With(
                    key.Name,
                    key.Shape.Read(Node(written[key.Name]!), key.Name, context)
                        ?? throw new InvalidDataException($"{key.Name}: {written[key.Name]}")
                )
            );
    }

    private static JsonNode Node(object value) =>
        value switch
        {
            INamed named => named.Name,
            string text => text,
            Enum choice => choice.ToString().ToLowerInvariant(),
            bool flag => flag ? "true" : "false",
            double number => number.ToString("R", CultureInfo.InvariantCulture),
            IEnumerable list => new JsonArray([.. list.Cast<object>().Select(Node)]),
            _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
        };

    private static PolicyNode Node(JsonNode written) =>
        written is JsonArray list
            ? new ListNode(default, [.. list.Select(item => Node(item!))])
            : new ScalarNode(default, (string)written!, quoted: false);
}
