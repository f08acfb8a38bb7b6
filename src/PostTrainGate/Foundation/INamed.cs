namespace PostTrainGate.Foundation;

/// <summary>Something that a policy calls by its name.</summary>
public interface INamed
{
    /// <summary>Name in the policy: lower case, words joined by underscores.</summary>
    string Name { get; }

    /// <summary>One sentence for the tables of the documentation, with its source.</summary>
    string Summary { get; }
}

/// <summary>Everything that a policy can name.</summary>
public interface ICatalog
{
    /// <summary>All of one kind, in the order of the documentation.</summary>
    IEnumerable<T> All<T>()
        where T : INamed;
}
