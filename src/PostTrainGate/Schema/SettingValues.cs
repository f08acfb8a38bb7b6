using System.Collections;
using System.Collections.Immutable;

namespace PostTrainGate.Schema;

/// <summary>Values of keys, immutable and equal where the values are.</summary>
public sealed class SettingValues : IEquatable<SettingValues>
{
    private readonly ImmutableSortedDictionary<string, object> _values;

    private SettingValues(ImmutableSortedDictionary<string, object> values) => _values = values;

    /// <summary>No values: every key has its default.</summary>
    public static SettingValues None { get; } =
        new(ImmutableSortedDictionary.Create<string, object>(StringComparer.Ordinal));

    /// <summary>Names of the keys that have a value of their own, ascending.</summary>
    public IEnumerable<string> Names => _values.Keys;

    /// <summary>The value of a key, or else its default.</summary>
    public T? Get<T>(Key<T> key) => _values.TryGetValue(key.Name, out var value) ? (T)value : key.Fallback();

    /// <summary>The same values but for one key; null gives it its default.</summary>
    public SettingValues With<T>(Key<T> key, T? value) => With(key.Name, value);

    /// <summary>The same values without one key.</summary>
    public SettingValues Without(Key key) => With(key.Name, null);

    /// <inheritdoc/>
    public bool Equals(SettingValues? other) =>
        other is not null
        && _values.Count == other._values.Count
        && _values.All(v =>
            other._values.TryGetValue(v.Key, out var theirs)
            && StructuralComparisons.StructuralEqualityComparer.Equals(v.Value, theirs)
        );

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SettingValues);

    /// <inheritdoc/>
    public override int GetHashCode() =>
        _values.Keys.Aggregate(0, (hash, name) => HashCode.Combine(hash, StringComparer.Ordinal.GetHashCode(name)));

    /// <summary>The value of a key that has one of its own.</summary>
    internal object this[string name] => _values[name];

    internal SettingValues With(string name, object? value) =>
        new(value is null ? _values.Remove(name) : _values.SetItem(name, value));
}
